import { assertEquals, assertThrows } from "@std/assert";
import { PLAIN_NETWORK } from "../../src/denoiser/config.ts";
import { PAPER_PROCESS } from "../../src/diffusion/process.ts";
import {
  isReferenceConfig,
  parseReferenceConfig,
  readReferenceConfig,
} from "../../src/denoiser/reference_config.ts";
import { UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { changed, SAMPLE_CONFIG } from "./sample_config.ts";
import { golden } from "./test_files.ts";

const path = golden("ar_rotary/config.json");
const published = JSON.parse(readTextFile(path));

function assertRefused(key: string, value: unknown, problem: string) {
  assertThrows(() => readReferenceConfig(changed(published, key, value), path), UserError, problem);
}

Deno.test("parseReferenceConfig() translates the published form", () => {
  assertEquals(parseReferenceConfig(readTextFile(path), path), {
    network: {
      vocabulary_size: 61,
      embedding_size: 16,
      hidden_size: 32,
      encoder_layers: 6,
      decoder_layers: 6,
      attention_heads: 4,
      encoder_ffn_size: 128,
      time_channels: 16,
      max_positions: 32,
      time_conditioning: "rotary",
      ...PLAIN_NETWORK,
    },
    diffusion: PAPER_PROCESS,
    target_slots: 20,
    pad_id: 0,
    evaluations: 10,
    self_conditioning_in_generation: false,
    unknown: [],
  });
});

Deno.test("readReferenceConfig() tells sentence level and additive time", () => {
  const path = golden("sentence_level/config.json");
  const { network, diffusion } = parseReferenceConfig(readTextFile(path), path);
  assertEquals(network.time_conditioning, "additive");
  assertEquals(diffusion.timesteps, "sentence");
});

Deno.test("readReferenceConfig() fills in what the published program fixes", () => {
  const { hidden_size: _d, encoder_layers: _e, decoder_layers: _l, ...short } = published;
  assertEquals(readReferenceConfig(short, path), readReferenceConfig(published, path));
});

Deno.test("readReferenceConfig() reports options it does not know", () => {
  const config = { ...published, dropout: 0.1, lr: 2e-4, predict_xstart: true };
  assertEquals(readReferenceConfig(config, path).unknown, ["dropout", "lr"]);
});

Deno.test("readReferenceConfig() refuses what ardiff's network cannot do", () => {
  assertRefused("tgt_len", undefined, 'missing key "tgt_len"');
  assertRefused("vocab_size", "61", '"vocab_size" is "61"');
  assertRefused("schedule_sampler", "xy3_uniform", '"xy_uniform" or "uniform"');
  assertRefused("att_strategy", null, '"att_strategy" is null');
  assertRefused("scale_embedding", true, '"scale_embedding" is true');
  assertRefused("out_channels", 32, '"out_channels" is 32');
  assertThrows(() => parseReferenceConfig("7", path), UserError, "it is 7, expected an object");
});

Deno.test("isReferenceConfig() tells the two forms apart", () => {
  assertEquals([published, SAMPLE_CONFIG, {}, null].map(isReferenceConfig), [
    true,
    false,
    false,
    false,
  ]);
});
