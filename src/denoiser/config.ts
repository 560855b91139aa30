/**
 * The configuration of a model, `config.json` of a model folder: what the network is, which
 * diffusion process it was trained with, and how text becomes ids for it. Whatever a model was
 * trained with that generation must obey stands here.
 */
import { isPositionSchedule, type PositionSchedule } from "../diffusion/learned_schedule.ts";
import { LATENT_VIEWS, NOISE_SCHEDULES, STEP_GRIDS } from "../diffusion/names.ts";
import { noiseSchedule } from "../diffusion/noise_schedule.ts";
import { type DiffusionConfig, PAPER_PROCESS } from "../diffusion/process.ts";
import { TRAINED_SCHEMES } from "../diffusion/timesteps/schemes.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { parseJsonText } from "../json_text.ts";
import { type NetworkConfig, PLAIN_NETWORK, TIME_CONDITIONINGS } from "./network_config.ts";
import { elementCount, expectedTensors } from "./parameters.ts";
import {
  boolean,
  type Fields,
  type FieldType,
  integer,
  listOf,
  nullable,
  number,
  oneOf,
  readFields,
  readKnownFields,
  since,
  text,
} from "../host/json_fields.ts";
import { describe, isObject } from "../host/json_value.ts";

export type { DiffusionConfig, NetworkConfig };
export { PLAIN_NETWORK, TIME_CONDITIONINGS };

/** Marks the file format; a format that old programs would misread gets another name. */
export const MODEL_FORMAT = "ardiff-model-1";

/** What predictions are rounded to. */
export const ROUNDINGS = ["nearest", "logits"] as const;

/** How text becomes ids. */
export interface TextConfig {
  /** Target slots N; at most this many where `length` is "batch". */
  readonly target_slots: number;
  /** Whether all targets are padded to `target_slots` (the paper), or to a batch's longest only. */
  readonly length: "fixed" | "batch";
  /**
   * With `length` "batch", the slots of a source of i tokens (special ones included) at index i, the
   * last entry for all longer ones: what training used for it, so that the number of slots depends on
   * the line alone. Null with "fixed": always `target_slots`.
   */
  readonly slots_by_source: readonly number[] | null;
  /**
   * What a prediction is rounded to between steps: the nearest embedding (the paper), or the token
   * that is most likely by its logits. The second for models whose rounding loss was taken of the
   * prediction: they are trained to be read that way, and the nearest embedding of an uncertain
   * prediction, an average, tends to be a rare token's.
   */
  readonly rounding: typeof ROUNDINGS[number];
  /** Sources are cut to this many tokens. */
  readonly max_source_tokens: number;
  /** Fills the slots after the end. */
  readonly pad_id: number;
  /** Put before a source; null for none. */
  readonly bos_id: number | null;
  /** Ends a source and a target. */
  readonly eos_id: number;
}

/** Target slots N of a source of `sourceTokens` tokens, special ones included. */
export function slotsFor(text: TextConfig, sourceTokens: number): number {
  const table = text.slots_by_source;
  return table?.[Math.min(sourceTokens, table.length - 1)] ?? text.target_slots;
}

/** What the first settled slot of a target holds in the shifted layout. */
export function startOf(text: TextConfig): number {
  return text.bos_id ?? text.pad_id;
}

/** Where a model comes from; anything else worth knowing may be added. */
export interface Provenance {
  /** The program and version that wrote the folder. */
  readonly created_by: string;
  /** What it was trained on or imported from. */
  readonly source: string;
  /** Updates, data, licence, figures: what the writer wants to be known. */
  readonly [key: string]: string | number | boolean;
}

/** The content of `config.json`. All keys are required but those that older folders lack. */
export interface ModelConfig {
  /** The file format. */
  readonly format: typeof MODEL_FORMAT;
  /** Sizes and options of the network. */
  readonly network: NetworkConfig;
  /** The diffusion process it was trained with. */
  readonly diffusion: DiffusionConfig;
  /** How text becomes ids. */
  readonly text: TextConfig;
  /** Where it comes from. */
  readonly provenance: Provenance;
}

const object: FieldType<Readonly<Record<string, unknown>>> = {
  expected: "an object",
  accepts: isObject,
};

const CONFIG_FIELDS: Fields<Record<keyof ModelConfig, unknown>> = {
  format: oneOf([MODEL_FORMAT]),
  network: object,
  diffusion: object,
  text: object,
  provenance: object,
};

/** Each limit below holds alone; together, sizes may not give a tensor of more than 4 GB. */
const MAX_TENSOR_VALUES = 2 ** 30;

const width = integer(1, 65_536);
const positionSchedules = listOf<PositionSchedule>({
  expected: 'an object of "at", rising, and "alpha_bar", falling, of as many numbers',
  accepts: isPositionSchedule,
});
const tokenId = integer(0, 2 ** 24 - 1);
const positions = integer(1, 2 ** 20);

const NETWORK_FIELDS: Fields<NetworkConfig> = {
  vocabulary_size: integer(1, 2 ** 24),
  embedding_size: width,
  hidden_size: integer(2, 65_536),
  encoder_layers: integer(0, 1024),
  decoder_layers: integer(1, 1024),
  attention_heads: width,
  encoder_ffn_size: integer(1, 2 ** 20),
  time_channels: integer(2, 65_536),
  max_positions: positions,
  time_conditioning: oneOf(TIME_CONDITIONINGS),
  self_conditioning: boolean,
  embedding_layer_norm: boolean,
  shifted: since(boolean, PLAIN_NETWORK.shifted),
  token_chain: since(integer(0, 65_536), PLAIN_NETWORK.token_chain),
  shared_embeddings: since(boolean, PLAIN_NETWORK.shared_embeddings),
};

const DIFFUSION_FIELDS: Fields<DiffusionConfig> = {
  steps: integer(2, 1_000_000),
  noise_schedule: oneOf(NOISE_SCHEDULES),
  timesteps: oneOf(TRAINED_SCHEMES),
  anchor_scale: number(1, 1e6),
  anchor_distance: nullable(integer(1, 2 ** 31 - 1)),
  learned_schedule: since(nullable(positionSchedules), PAPER_PROCESS.learned_schedule),
  noise_factor: number(1e-3, 1e3),
  latent_view: since(oneOf(LATENT_VIEWS), PAPER_PROCESS.latent_view),
  rescale_timesteps: boolean,
  step_grid: oneOf(STEP_GRIDS),
};

const TEXT_FIELDS: Fields<TextConfig> = {
  target_slots: positions,
  length: oneOf(["fixed", "batch"]),
  slots_by_source: nullable(listOf(positions)),
  rounding: oneOf(ROUNDINGS),
  max_source_tokens: positions,
  pad_id: tokenId,
  bos_id: nullable(tokenId),
  eos_id: tokenId,
};

const PROVENANCE_FIELDS: Fields<Pick<Provenance, "created_by" | "source">> = {
  created_by: text,
  source: text,
};

/**
 * Reads and checks a `config.json`.
 *
 * @param json the file's content
 * @param source the file's path, for messages
 * @throws {UserError} where the text is not JSON, a key is unknown or missing, or a value is of the
 *   wrong type, out of range or at odds with another
 */
export function parseModelConfig(json: string, source: string): ModelConfig {
  return checkModelConfig(parseJson(json, source), source);
}

/**
 * Checks a configuration built or parsed elsewhere; see {@linkcode parseModelConfig}.
 *
 * @param value a parsed JSON value
 */
export function checkModelConfig(value: unknown, source: string): ModelConfig {
  const fail = failure(source);
  const sections = readFields(value, CONFIG_FIELDS, "", fail);
  refuseCausalPast(sections.network, fail);
  const config: ModelConfig = {
    format: MODEL_FORMAT,
    network: readFields(sections.network, NETWORK_FIELDS, "network", fail),
    diffusion: readFields(sections.diffusion, DIFFUSION_FIELDS, "diffusion", fail),
    text: readFields(sections.text, TEXT_FIELDS, "text", fail),
    provenance: readProvenance(sections.provenance, fail),
  };
  checkConsistency(config, fail);
  return config;
}

/** The text of a `config.json`. */
export function formatModelConfig(config: ModelConfig): string {
  return JSON.stringify(config, null, 2) + "\n";
}

/** Parses JSON that a user has written; `source` is its path, for messages. */
export function parseJson(json: string, source: string): unknown {
  try {
    return parseJsonText(json);
  } catch (error) {
    return failure(source)(`it is not valid JSON (${messageOf(error)})`, error);
  }
}

/** Throws the error for a problem in a configuration file. */
export function failure(source: string): (problem: string, cause?: unknown) => never {
  return (problem, cause) => {
    const message = `Cannot read configuration "${source}": ${problem}`;
    throw new UserError(ExitCode.model, message, { cause });
  };
}

/** Folders were once written for a layout that the shifted one has replaced; no weights fit both. */
function refuseCausalPast(network: unknown, fail: Fail): void {
  if (!isObject(network) || !Object.hasOwn(network, "causal_past")) return;
  if (network["causal_past"] === false) {
    fail(
      '"network.causal_past" is false, and no longer a key: delete it, nothing else has changed',
    );
  }
  fail(
    '"network.causal_past" is of a layout that is gone, whose weights fit no other: train the model ' +
      'again, with "network.shifted" (docs/training.md)',
  );
}

function readProvenance(value: unknown, fail: Fail): Provenance {
  if (!isObject(value)) return fail(`"provenance" is ${describe(value)}, expected an object`);
  for (const [key, entry] of Object.entries(value)) {
    if (!["string", "number", "boolean"].includes(typeof entry)) {
      fail(`"provenance.${key}" is ${describe(entry)}, expected a string, number or boolean`);
    }
  }
  readKnownFields(value, PROVENANCE_FIELDS, "provenance", fail);
  return value as Provenance;
}

/** What no single value shows: relations between them. */
function checkConsistency({ network, diffusion, text }: ModelConfig, fail: Fail): void {
  const { hidden_size, attention_heads, vocabulary_size, max_positions } = network;
  if (hidden_size % attention_heads !== 0) {
    fail(
      `"network.hidden_size" is ${hidden_size}, ` +
        `expected a multiple of "network.attention_heads" (${attention_heads})`,
    );
  }
  for (const [name, shape] of expectedTensors(network)) {
    const values = elementCount(shape);
    if (values > MAX_TENSOR_VALUES) {
      fail(
        `tensor "${name}" of shape [${shape}] would have ${values} values, more than the ` +
          `${MAX_TENSOR_VALUES} of the largest that ardiff can hold: choose smaller sizes`,
      );
    }
  }
  const headSize = hidden_size / attention_heads;
  if (network.time_conditioning === "rotary" && headSize % 2 !== 0) {
    fail(
      `"network.time_conditioning" is "rotary", which needs an even head size, ` +
        `but ${hidden_size} / ${attention_heads} heads is ${headSize}`,
    );
  }
  if (network.time_channels % 2 !== 0) {
    fail(`"network.time_channels" is ${network.time_channels}, expected an even number`);
  }
  if ((text.length === "batch") !== (text.slots_by_source !== null)) {
    fail(
      `"text.slots_by_source" must be ${text.length === "batch" ? "a list" : "null"} where ` +
        `"text.length" is "${text.length}"`,
    );
  }
  const most = Math.max(0, ...(text.slots_by_source ?? []));
  if (most > text.target_slots) {
    fail(
      `"text.slots_by_source" goes up to ${most}, over "text.target_slots" (${text.target_slots})`,
    );
  }
  for (const key of ["target_slots", "max_source_tokens"] as const) {
    if (text[key] > max_positions) {
      fail(`"text.${key}" is ${text[key]}, but "network.max_positions" is only ${max_positions}`);
    }
  }
  for (const key of ["pad_id", "bos_id", "eos_id"] as const) {
    const id = text[key];
    if (id !== null && id >= vocabulary_size) {
      fail(
        `"text.${key}" is ${id}, expected an id below "network.vocabulary_size" (${vocabulary_size})`,
      );
    }
  }
  if (diffusion.anchor_distance !== null && !["token", "block"].includes(diffusion.timesteps)) {
    fail(
      `"diffusion.anchor_distance" is ${diffusion.anchor_distance}, but only "token" timesteps have ` +
        `an anchor and "block" ones blocks, and "diffusion.timesteps" is "${diffusion.timesteps}"`,
    );
  }
  if (diffusion.learned_schedule !== null && diffusion.timesteps !== "learned") {
    fail(
      `"diffusion.learned_schedule" is there, but "diffusion.timesteps" is "${diffusion.timesteps}", ` +
        'expected "learned"',
    );
  }
  if (network.shifted && diffusion.timesteps !== "token") {
    fail(
      `"network.shifted" is true, but "diffusion.timesteps" is "${diffusion.timesteps}", expected "token"`,
    );
  }
  if (network.shifted && diffusion.anchor_distance !== 1) {
    fail(
      `"network.shifted" is true, but "diffusion.anchor_distance" is ${diffusion.anchor_distance}, ` +
        "expected 1: in the shifted layout slots settle in one move",
    );
  }
  if (network.shifted && network.time_conditioning !== "none") {
    fail(
      `"network.time_conditioning" is "${network.time_conditioning}", expected "none" with ` +
        '"network.shifted": there a slot\'s vector says whether it has settled',
    );
  }
  if (network.shifted && network.self_conditioning) {
    fail('"network.self_conditioning" is true, but with "network.shifted" there is no such input');
  }
  if (network.shared_embeddings && network.embedding_size !== network.hidden_size) {
    fail(
      `"network.shared_embeddings" is true, but embeddings are ${network.embedding_size} wide and the ` +
        `encoder ${network.hidden_size}: they must be as wide as each other`,
    );
  }
  if (network.token_chain > 0 && !network.shifted) {
    fail(`"network.token_chain" is ${network.token_chain}, but only "network.shifted" has a chain`);
  }
  try {
    noiseSchedule(diffusion.noise_schedule, diffusion.steps);
  } catch (error) {
    fail(`"diffusion.steps" is ${diffusion.steps} (${messageOf(error)})`);
  }
}
