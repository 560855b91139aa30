/** A small model with random weights that says something else for every line. */
import {
  type DiffusionConfig,
  type ModelConfig,
  type NetworkConfig,
  PLAIN_NETWORK,
  type TextConfig,
} from "../../src/denoiser/config.ts";
import { writeModelFolder } from "../../src/denoiser/model_folder.ts";
import { elementCount, expectedTensors } from "../../src/denoiser/parameters.ts";
import { PAPER_PROCESS } from "../../src/diffusion/process.ts";
import { LoadedModel } from "../../src/generation/loaded_model.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { TOKENIZER, TOKENIZER_SIZE } from "../commands/sample_tokenizer.ts";
import { Random } from "../denoiser/random.ts";
import { withFolder } from "../denoiser/test_files.ts";

const tokenizerJson = Deno.readTextFileSync(TOKENIZER);
const tokenizer = await parseTokenizer(tokenizerJson, TOKENIZER);

/**
 * Factors on uniform random weights: much of a prediction is the slot's, so that successive ones may
 * agree, and the end token's embedding is long, so that it is often the nearest.
 */
const POSITION_SCALE = 3;
const END_SCALE = 3;
const SHIFTED_SCALE = 0.4;
const SHIFTED_END_SCALE = 2;

/** A configuration whose sources of i tokens get 2 i slots. */
function tinyConfig(
  text: Partial<TextConfig>,
  diffusion: Partial<DiffusionConfig>,
  network: Partial<NetworkConfig>,
): ModelConfig {
  return {
    format: "ardiff-model-1",
    network: {
      vocabulary_size: TOKENIZER_SIZE,
      embedding_size: 16,
      hidden_size: 32,
      encoder_layers: 1,
      decoder_layers: 1,
      attention_heads: 2,
      encoder_ffn_size: 32,
      time_channels: 8,
      max_positions: 40,
      time_conditioning: "txl",
      ...PLAIN_NETWORK,
      ...network,
    },
    diffusion: {
      ...PAPER_PROCESS,
      ...diffusion,
    },
    text: {
      target_slots: 24,
      length: "batch",
      slots_by_source: Array.from({ length: 12 }, (_, length) => Math.max(2, 2 * length)),
      rounding: "nearest",
      max_source_tokens: 40,
      pad_id: tokenizer.special.pad,
      bos_id: null,
      eos_id: tokenizer.special.eos,
      ...text,
    },
    provenance: { created_by: "a test", source: "random numbers" },
  };
}

/** What makes it a model in the shifted layout. */
const SHIFTED = {
  text: { length: "fixed", slots_by_source: null, rounding: "logits" },
  diffusion: { timesteps: "token", anchor_scale: 2, anchor_distance: 1 },
  network: { shifted: true, time_conditioning: "none", token_chain: 8 },
} as const;

/** Writes a model in the shifted layout into a folder. */
export function writeShiftedModel(folder: string, seed = 7): void {
  writeTinyModel(folder, SHIFTED.text, SHIFTED.diffusion, SHIFTED.network, seed);
}

/** Writes the model into a folder. */
export function writeTinyModel(
  folder: string,
  text: Partial<TextConfig> = {},
  diffusion: Partial<DiffusionConfig> = {},
  network: Partial<NetworkConfig> = {},
  seed = 7,
): void {
  const config = tinyConfig(text, diffusion, network);
  const random = new Random(seed);
  const shapes = expectedTensors(config.network);
  const values = (name: string) => {
    const length = elementCount(shapes.get(name)!);
    if (/norm/i.test(name) && name.endsWith("weight")) return new Float32Array(length).fill(1);
    const scale = name === "position_embeddings.weight" ? POSITION_SCALE : 1;
    const tensor = Float32Array.from({ length }, () => scale * (2 * random.uniform() - 1));
    if (name === "word_embedding.weight") lengthenEnd(tensor, config);
    return tensor;
  };
  writeModelFolder(folder, { config, values, dtype: "F32", tokenizerJson });
}

function lengthenEnd(embeddings: Float32Array, { network, text }: ModelConfig): void {
  const { embedding_size: width } = network;
  // In the shifted layout nothing bounds logits: shorter embeddings leave more than one token likely.
  if (network.shifted) embeddings.forEach((value, i) => embeddings[i] = SHIFTED_SCALE * value);
  const scale = network.shifted ? SHIFTED_END_SCALE : END_SCALE;
  for (let i = 0; i < width; i++) embeddings[text.eos_id * width + i]! *= scale;
}

/** Runs a test with the model loaded on the CPU. */
export function withTinyModel(
  test: (model: LoadedModel) => Promise<void>,
  text: Partial<TextConfig> = {},
  diffusion: Partial<DiffusionConfig> = {},
  network: Partial<NetworkConfig> = {},
): () => Promise<void> {
  return withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`, text, diffusion, network);
    using model = await LoadedModel.load(`${folder}/model`, {
      device: { kind: "cpu", index: 0 },
      dtype: "f32",
      threads: 2,
    });
    await test(model);
  });
}

/** The same with a model in the shifted layout. */
export function withShiftedModel(test: (model: LoadedModel) => Promise<void>): () => Promise<void> {
  return withTinyModel(test, SHIFTED.text, SHIFTED.diffusion, SHIFTED.network);
}
