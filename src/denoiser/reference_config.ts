/**
 * The configuration form of published AR-Diffusion checkpoints (a flat list of the training
 * program's options) and what of it our own form needs.
 */
import { NOISE_SCHEDULES } from "../diffusion/names.ts";
import { PAPER_PROCESS } from "../diffusion/process.ts";
import type { Fail } from "../host/fail.ts";
import {
  boolean,
  type Fields,
  integer,
  nullable,
  number,
  oneOf,
  readKnownFields,
} from "../host/json_fields.ts";
import { describe, isObject } from "../host/json_value.ts";
import {
  type DiffusionConfig,
  failure,
  type NetworkConfig,
  parseJson,
  PLAIN_NETWORK,
} from "./config.ts";

/** What a published configuration says about a model. */
export interface ReferenceConfig {
  /** The network, in our form. */
  readonly network: NetworkConfig;
  /** The diffusion process, in our form. */
  readonly diffusion: DiffusionConfig;
  /** Target slots N. */
  readonly target_slots: number;
  /** The id that fills the slots after the end. */
  readonly pad_id: number;
  /** The number of network evaluations it was generated with. */
  readonly evaluations: number;
  /**
   * Whether its own generation fed predictions back. A network with self-conditioning that was
   * generated from without gets zeros in their place.
   */
  readonly self_conditioning_in_generation: boolean;
  /** Keys that mean nothing to ardiff. */
  readonly unknown: readonly string[];
}

/** The options that decide what the network computes. */
interface Options {
  time_channels: number;
  in_channels: number;
  out_channels: number;
  diffusion_steps: number;
  tgt_len: number;
  max_pos_len: number;
  intermediate_size: number;
  num_attention_heads: number;
  vocab_size: number;
  pad_value: number;
  att_strategy: "txl" | "rotary" | null;
  time_att: boolean;
  self_condition: boolean;
  infer_self_condition: boolean;
  schedule_sampler: "xy_uniform" | "uniform";
  end_point_scale: number;
  noise_schedule: DiffusionConfig["noise_schedule"];
  rescale_timesteps: boolean;
  gen_timesteps: number;
  hidden_size: number;
  encoder_layers: number;
  decoder_layers: number;
}

const size = integer(1, 2 ** 24);

const OPTIONS: Fields<Options> = {
  time_channels: size,
  in_channels: size,
  out_channels: size,
  diffusion_steps: size,
  tgt_len: size,
  max_pos_len: size,
  intermediate_size: size,
  num_attention_heads: size,
  vocab_size: size,
  pad_value: integer(0, 2 ** 24),
  att_strategy: nullable(oneOf(["txl", "rotary"])),
  time_att: boolean,
  self_condition: boolean,
  infer_self_condition: boolean,
  schedule_sampler: oneOf(["xy_uniform", "uniform"]),
  end_point_scale: number(1, 1e6),
  noise_schedule: oneOf(NOISE_SCHEDULES),
  rescale_timesteps: boolean,
  gen_timesteps: size,
  hidden_size: size,
  encoder_layers: integer(0, 1024),
  decoder_layers: size,
};

/** The published program has no options for these: layers are 6 + 6, and d a quarter of the FFN. */
const derived = (options: Readonly<Record<string, unknown>>) => ({
  hidden_size: Number(options["intermediate_size"]) / 4,
  encoder_layers: 6,
  decoder_layers: 6,
});

/**
 * Options that change what the network or its training computes, each with the only value that
 * ardiff's network has. Left out, they have it.
 */
const FIXED_OPTIONS: Readonly<Record<string, unknown>> = {
  predict_xstart: true,
  scale_embedding: false,
  predict_x_start: false,
  pred_len: false,
  learn_sigma: false,
  rel_postion: false,
  position_att: false,
  load_bart: false,
  fix_encoder: false,
};

/** Whether a parsed configuration has the published form rather than ours. */
export function isReferenceConfig(value: unknown): boolean {
  return isObject(value) && !("format" in value) && "diffusion_steps" in value;
}

/**
 * Reads a configuration of the published form.
 *
 * @param json the file's content
 * @param source the file's path, for messages
 * @throws {UserError} where an option is missing, wrong, or one that ardiff's network lacks
 */
export function parseReferenceConfig(json: string, source: string): ReferenceConfig {
  return readReferenceConfig(parseJson(json, source), source);
}

/** Reads a parsed configuration; see {@linkcode parseReferenceConfig}. */
export function readReferenceConfig(value: unknown, source: string): ReferenceConfig {
  const fail = failure(source);
  if (!isObject(value)) return fail(`it is ${describe(value)}, expected an object`);
  for (const [name, only] of Object.entries(FIXED_OPTIONS)) {
    if (name in value && value[name] !== only) {
      fail(`"${name}" is ${describe(value[name])}, but ardiff has only the network with ${only}`);
    }
  }
  const options = readKnownFields({ ...derived(value), ...value }, OPTIONS, "", fail);
  if (options.in_channels !== options.out_channels) {
    fail(
      `"out_channels" is ${options.out_channels}, expected "in_channels" (${options.in_channels})`,
    );
  }
  return {
    network: networkOf(options, fail),
    diffusion: {
      ...PAPER_PROCESS,
      steps: options.diffusion_steps,
      noise_schedule: options.noise_schedule,
      timesteps: options.schedule_sampler === "uniform" ? "sentence" : "token",
      anchor_scale: options.end_point_scale,
      rescale_timesteps: options.rescale_timesteps,
    },
    target_slots: options.tgt_len,
    pad_id: options.pad_value,
    evaluations: options.gen_timesteps,
    self_conditioning_in_generation: options.infer_self_condition,
    unknown: Object.keys(value).filter((name) =>
      !Object.hasOwn(OPTIONS, name) && !Object.hasOwn(FIXED_OPTIONS, name)
    ),
  };
}

function networkOf(options: Options, fail: Fail): NetworkConfig {
  return {
    vocabulary_size: options.vocab_size,
    embedding_size: options.in_channels,
    hidden_size: options.hidden_size,
    encoder_layers: options.encoder_layers,
    decoder_layers: options.decoder_layers,
    attention_heads: options.num_attention_heads,
    encoder_ffn_size: options.intermediate_size,
    time_channels: options.time_channels,
    max_positions: options.max_pos_len,
    time_conditioning: timeConditioning(options, fail),
    ...PLAIN_NETWORK,
    self_conditioning: options.self_condition,
  };
}

/** Without time in attention, published code ignores the attention strategy. */
function timeConditioning({ time_att, att_strategy }: Options, fail: Fail) {
  if (!time_att) return "additive";
  return att_strategy ?? fail('"att_strategy" is null, expected "txl" or "rotary"');
}
