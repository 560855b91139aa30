/**
 * Named sets of defaults that a configuration starts from: `preset = "cpu-small"`. A preset sets
 * options of `options.ts` and nothing else; what a configuration says itself wins. Help reads the
 * table, so it loads nothing.
 */
import type { OptionValues } from "./options.ts";

/** What a preset sets: values of some options of some sections. */
type PresetValues = {
  readonly [Section in keyof OptionValues]?: Partial<OptionValues[Section]>;
};

/** One preset. */
interface Preset {
  /** Whom it is for, one sentence. */
  readonly text: string;
  /** The options that it sets. */
  readonly values: PresetValues;
}

/** The name of a preset. */
export type PresetName =
  | "cpu-tiny"
  | "cpu-small"
  | "gpu-base"
  | "paper/commongen"
  | "paper/iwslt14-de-en"
  | "paper/xsum"
  | "paper/cnndm";

/**
 * The shifted layout (docs/method.md, section 2), and how it learns best from random weights:
 * docs/training-notes.md has the evidence.
 */
const SHIFTED = {
  network: { time_conditioning: "none", shifted: true, token_chain: 256 },
  diffusion: { noise_schedule: "cosine", anchor_distance: 1, step_grid: "left" },
  training: {
    accumulation: 1,
    beta2: 0.98,
    decay: "linear",
    clip_norm: 1,
    ema_decay: 0.999,
    ema_warmup: true,
    dropout: 0.1,
    label_smoothing: 0.1,
    rounding_loss: "prediction",
    squared_error: 0,
    waiting_weight: 0.3,
    padding_weight: 0,
  },
  checkpoints: { export: "best", dtype: "bf16" },
} as const satisfies PresetValues;

/** What the paper's runs have in common; they validate seldom, on many lines. */
const PAPER = {
  network: {
    encoder_layers: 6,
    decoder_layers: 6,
    max_positions: 512,
    time_conditioning: "txl",
    self_conditioning: false,
    embedding_layer_norm: false,
  },
  diffusion: {
    steps: 2000,
    noise_schedule: "sqrt",
    timesteps: "token",
    anchor_scale: 2,
    noise_factor: 1,
  },
  text: { length: "fixed" },
  training: {
    warmup_steps: 4000,
    weight_decay: 0,
    ema_decay: 0.9999,
    ema_warmup: false,
    dropout: 0.2,
    rounding_loss: "x0",
    dtype: "bf16", // the paper: mixed precision
  },
  validation: { every: 1000, lines: 500 },
} as const satisfies PresetValues;

/** The two runs on news, which differ in length, batch and updates. */
const PAPER_SUMMARIES = {
  ...PAPER.network,
  embedding_size: 128,
  hidden_size: 512,
  attention_heads: 8,
  encoder_ffn_size: 2048,
  time_channels: 128,
} as const;

/** All presets by their names, those for a CPU first. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  "cpu-tiny": {
    text: "A few thousand pairs, or a first look, in minutes on a CPU.",
    values: {
      ...SHIFTED,
      tokenizer: { vocabulary_size: 2000 },
      text: { target_slots: 48, max_source_tokens: 48 },
      network: {
        ...SHIFTED.network,
        embedding_size: 64,
        hidden_size: 64,
        encoder_layers: 2,
        decoder_layers: 2,
        attention_heads: 4,
        encoder_ffn_size: 256,
        max_positions: 64,
        token_chain: 128,
      },
      training: {
        ...SHIFTED.training,
        steps: 2000,
        batch_size: 64,
        learning_rate: 3e-3,
        warmup_steps: 100,
        decay_share: 0.5,
        ema_decay: 0.998,
      },
      validation: { every: 500 },
      checkpoints: { ...SHIFTED.checkpoints, every: 500 },
    },
  },
  "cpu-small": {
    text:
      "Short sentences on a CPU, as the shipped models but for distillation: 18 to 46 processor minutes.",
    values: {
      ...SHIFTED,
      tokenizer: { vocabulary_size: 8000 },
      text: { target_slots: 48, max_source_tokens: 48 },
      network: {
        ...SHIFTED.network,
        embedding_size: 128,
        hidden_size: 128,
        encoder_layers: 3,
        decoder_layers: 4,
        attention_heads: 8,
        encoder_ffn_size: 512,
        max_positions: 64,
        shared_embeddings: true,
      },
      training: {
        ...SHIFTED.training,
        steps: 9600,
        batch_size: 64,
        learning_rate: 1.5e-3,
        warmup_steps: 200,
        decay_share: 0.5,
      },
      validation: { every: 2000 },
      checkpoints: { ...SHIFTED.checkpoints, every: 2000 },
    },
  },
  "gpu-base": {
    text: "For one GPU, of a Transformer-base's size; not tried here.",
    values: {
      ...SHIFTED,
      tokenizer: { vocabulary_size: 16_000 },
      text: { target_slots: 128, max_source_tokens: 128 },
      network: {
        ...SHIFTED.network,
        embedding_size: 512,
        hidden_size: 512,
        encoder_layers: 6,
        decoder_layers: 6,
        attention_heads: 8,
        encoder_ffn_size: 2048,
        max_positions: 128,
      },
      training: {
        ...SHIFTED.training,
        steps: 100_000,
        batch_size: 256,
        accumulation: 2,
        learning_rate: 7e-4,
        warmup_steps: 4000,
        decay_share: 0.9,
        dtype: "bf16",
      },
      validation: { every: 2000, lines: 500 },
      checkpoints: { ...SHIFTED.checkpoints, every: 2000 },
    },
  },
  "paper/commongen": {
    text: "The paper's CommonGen run, for one GPU.",
    values: {
      ...PAPER,
      text: { ...PAPER.text, target_slots: 54, max_source_tokens: 54 },
      network: {
        ...PAPER.network,
        embedding_size: 64,
        hidden_size: 128,
        attention_heads: 8,
        encoder_ffn_size: 512,
        time_channels: 64,
      },
      training: {
        ...PAPER.training,
        steps: 40_000,
        batch_size: 128,
        accumulation: 24, // times batch_size: the paper's global batch of 3072 rows
        learning_rate: 3e-4,
        decay: "constant",
      },
    },
  },
  "paper/iwslt14-de-en": {
    text: "The paper's IWSLT14 German to English run, for one GPU.",
    values: {
      ...PAPER,
      tokenizer: { vocabulary_size: 10_000 },
      text: { ...PAPER.text, target_slots: 90, max_source_tokens: 90 },
      network: {
        ...PAPER.network,
        embedding_size: 64,
        hidden_size: 256,
        attention_heads: 4,
        encoder_ffn_size: 1024,
        time_channels: 64,
      },
      training: {
        ...PAPER.training,
        steps: 70_000, // the paper: 67,000 to 77,000
        batch_size: 128,
        accumulation: 24,
        learning_rate: 2e-3, // the paper: 1.6e-3 to 2e-3
        decay: "linear",
      },
    },
  },
  "paper/xsum": {
    text: "The paper's XSum run, for one GPU.",
    values: {
      ...PAPER,
      text: { ...PAPER.text, target_slots: 50, max_source_tokens: 512 },
      network: PAPER_SUMMARIES,
      training: {
        ...PAPER.training,
        steps: 26_700,
        batch_size: 64,
        accumulation: 48,
        learning_rate: 8e-4,
        decay: "linear",
      },
    },
  },
  "paper/cnndm": {
    text: "The paper's CNN/DailyMail run, for one GPU.",
    values: {
      ...PAPER,
      text: { ...PAPER.text, target_slots: 180, max_source_tokens: 512 },
      network: PAPER_SUMMARIES,
      training: {
        ...PAPER.training,
        steps: 20_000,
        batch_size: 32,
        accumulation: 96,
        learning_rate: 8e-4,
        decay: "linear",
      },
    },
  },
};

/** The names, in that order. */
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];
