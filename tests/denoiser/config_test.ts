import { assertEquals, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import {
  checkModelConfig,
  formatModelConfig,
  parseModelConfig,
} from "../../src/denoiser/config.ts";
import { changed, SAMPLE_CONFIG } from "./sample_config.ts";

/** Expects a configuration to be refused with a message that has all the parts. */
function assertRefused(path: string, replacement: unknown, ...parts: string[]) {
  const error = assertThrows(
    () => checkModelConfig(changed(SAMPLE_CONFIG, path, replacement), "m/config.json"),
    UserError,
    'Cannot read configuration "m/config.json": ',
  );
  assertEquals(error.exitCode, ExitCode.model);
  for (const part of parts) {
    assertEquals(error.message.includes(part), true, `${error.message} lacks ${part}`);
  }
}

Deno.test("parseModelConfig() reads what formatModelConfig() writes", () => {
  const config = changed(SAMPLE_CONFIG, "provenance.updates", 1234);
  assertEquals(parseModelConfig(formatModelConfig(config), "config.json"), config);
});

Deno.test("parseModelConfig() refuses what is not a JSON object", () => {
  assertThrows(() => parseModelConfig("{", "c.json"), UserError, "it is not valid JSON");
  assertThrows(() => parseModelConfig("[]", "c.json"), UserError, "it is [], expected an object");
  assertThrows(() => parseModelConfig("null", "c.json"), UserError, "it is null");
});

/** Keys that folders had not always. */
const LATER_KEYS = [
  "network.shifted",
  "network.token_chain",
  "network.shared_embeddings",
  "diffusion.latent_view",
  "diffusion.learned_schedule",
];

Deno.test("checkModelConfig() reads folders that lack a later key", () => {
  for (const key of LATER_KEYS) {
    assertEquals(checkModelConfig(changed(SAMPLE_CONFIG, key, undefined), "c.json"), SAMPLE_CONFIG);
  }
});

Deno.test("checkModelConfig() names every missing key", () => {
  for (const [section, fields] of Object.entries(SAMPLE_CONFIG)) {
    assertRefused(section, undefined, `missing key "${section}"`);
    if (typeof fields !== "object") continue;
    for (const key of Object.keys(fields)) {
      if (LATER_KEYS.includes(`${section}.${key}`)) continue;
      assertRefused(`${section}.${key}`, undefined, `missing key "${section}.${key}"`);
    }
  }
});

Deno.test("checkModelConfig() names an unknown key and suggests the nearest", () => {
  const near = 'unknown key "network.hiden_size": did you mean "network.hidden_size"?';
  assertRefused("network.hiden_size", 8, near);
  assertRefused("difusion", {}, 'unknown key "difusion": did you mean "diffusion"?');
  assertRefused("text.colour", 8, 'unknown key "text.colour"');
});

Deno.test("checkModelConfig() says what to do about folders of the layout that is gone", () => {
  const gone = "network.causal_past";
  assertRefused(gone, true, `"${gone}" is of a layout that is gone`, "train the model again");
  assertRefused(gone, false, `"${gone}" is false, and no longer a key`, "delete it");
});

Deno.test("checkModelConfig() names wrong types and ranges with the value", () => {
  assertRefused("format", "ardiff-model-2", '"format" is "ardiff-model-2"', '"ardiff-model-1"');
  assertRefused("network", 3, '"network" is 3, expected an object');
  assertRefused("network.hidden_size", "8", '"network.hidden_size" is "8"', "an integer from 2");
  assertRefused("network.hidden_size", 8.5, "8.5");
  assertRefused("network.decoder_layers", 0, "from 1 to 1024");
  assertRefused("network.self_conditioning", 1, "expected true or false");
  assertRefused("network.time_conditioning", "TXL", '"txl" or "rotary" or "additive"');
  assertRefused("diffusion.anchor_scale", 0.5, "0.5, expected a number from 1 to");
  assertRefused("diffusion.noise_factor", null, "is null");
  assertRefused("text.bos_id", -1, "or null");
  assertRefused("provenance.source", 4, '"provenance.source" is 4, expected a string');
  assertRefused("provenance.data", ["a"], '"provenance.data" is ["a"]');
});

Deno.test("checkModelConfig() names values that are at odds with each other", () => {
  assertRefused("network.attention_heads", 3, "expected a multiple", "(3)");
  const oddHead = changed(SAMPLE_CONFIG, "network.attention_heads", 8);
  assertEquals(checkModelConfig(oddHead, "c").network.attention_heads, 8);
  assertThrows(
    () => checkModelConfig(changed(oddHead, "network.time_conditioning", "rotary"), "c"),
    UserError,
    "8 / 8 heads is 1",
  );
  assertRefused("network.time_channels", 7, "expected an even number");
  const moving = changed(
    changed(SAMPLE_CONFIG, "diffusion.timesteps", "token"),
    "diffusion.anchor_distance",
    2,
  );
  assertEquals(checkModelConfig(moving, "c").diffusion.anchor_distance, 2);
  assertThrows(
    () => checkModelConfig(changed(moving, "diffusion.timesteps", "sentence"), "c"),
    UserError,
    'only "token" timesteps have an anchor',
  );
  assertRefused("text.target_slots", 10, '"network.max_positions" is only 9');
  assertRefused("text.eos_id", 11, '"text.eos_id" is 11', "(11)");
  assertThrows(
    () =>
      checkModelConfig(
        changed(changed(SAMPLE_CONFIG, "diffusion.noise_schedule", "linear"), "diffusion.steps", 9),
        "c",
      ),
    UserError,
    "it needs more than 20",
  );
});

Deno.test("checkModelConfig() refuses sizes that hold alone but together overflow", () => {
  assertRefused("network.hidden_size", 65536, "choose smaller sizes", "tensor ");
});
