/**
 * Every option of a training configuration: what it may be, its default, where the default comes
 * from and what it does. The table is the only place that knows: reading, checking, resuming and
 * the documentation follow it.
 *
 * Defaults are those of the paper's CommonGen run (AR-Diffusion, arXiv 2305.09515).
 */
import { TIME_CONDITIONINGS } from "../denoiser/config.ts";
import { LATENT_VIEWS, NOISE_SCHEDULES, STEP_GRIDS } from "../diffusion/names.ts";
import { TRAINED_SCHEMES } from "../diffusion/timesteps/schemes.ts";
import {
  boolean,
  type FieldType,
  integer,
  nullable,
  number,
  oneOf,
  text,
} from "../host/json_fields.ts";
import { NORMALIZERS } from "../text/normalizer.ts";
import {
  fixed,
  free,
  type Option,
  type OptionValue,
  type OptionValueAt,
  scheduled,
} from "./option.ts";

/** How the timesteps of training may be drawn. */
const TIMESTEP_SAMPLERS = ["uniform", "loss_second_moment"] as const;

/** What a best checkpoint may be best in. */
export const BEST_METRICS = ["bleu", "chrf", "loss"] as const;

const PAPER = "AR-Diffusion (CommonGen)";
const REFERENCE = "AR-Diffusion, its implementation";
const OURS = "ardiff";

const path: FieldType<string> = {
  expected: "a path",
  accepts: (value): value is string => typeof value === "string" && value !== "",
};
const device: FieldType<string> = {
  expected: '"auto", "cpu", "cuda" or "cuda:N"',
  accepts: (value): value is string =>
    typeof value === "string" && /^(auto|cpu|cuda(:\d+)?)$/.test(value),
};
const normalizers: FieldType<readonly (typeof NORMALIZERS)[number][]> = {
  expected: `a list of ${NORMALIZERS.map((name) => `"${name}"`).join(", ")}`,
  accepts: (value): value is readonly (typeof NORMALIZERS)[number][] =>
    Array.isArray(value) && value.every((entry) => NORMALIZERS.includes(entry)),
};
// Named, since the compiler would widen choices that stand in a call to strings.
const lengths = oneOf(["fixed", "batch"]);
const timeConditionings = oneOf(TIME_CONDITIONINGS);
const noiseSchedules = oneOf(NOISE_SCHEDULES);
const latentViews = oneOf(LATENT_VIEWS);
const timestepKinds = oneOf(TRAINED_SCHEMES);
const decays = oneOf(["constant", "linear", "cosine", "inverse_sqrt"]);
const roundingLosses = oneOf(["x0", "prediction"]);
const trainedParts = oneOf(["all", "token_chain"]);
const waitingSlots: FieldType<readonly number[]> = {
  expected: "a list of numbers of slots, 0 to 64",
  accepts: (value): value is readonly number[] =>
    Array.isArray(value) && value.length > 0 &&
    value.every((entry) => Number.isInteger(entry) && entry >= 0 && entry <= 64),
};
const timestepSamplers = oneOf(TIMESTEP_SAMPLERS);
const dtypes = oneOf(["f32", "bf16"]);
const reactions = oneOf(["stop", "skip"]);
const grids = oneOf(STEP_GRIDS);
const metrics = oneOf(BEST_METRICS);
const exports = oneOf(["last", "best"]);
const rate = number(0, 0.999);
const share = number(0, 1);
const count = integer(1, 2 ** 31 - 1);
const countOrNever = integer(0, 2 ** 31 - 1);
const width = integer(1, 65_536);

/** All options by section; `[data]` is described by `data_spec.ts`. */
export const OPTIONS = {
  tokenizer: {
    file: fixed(
      nullable(path),
      null,
      OURS,
      "A Hugging Face tokenizer.json to use; without one, byte-level BPE is trained on both sides of the training data.",
    ),
    vocabulary_size: fixed(
      integer(259, 1_000_000),
      30_522,
      `${PAPER}: the size of its BERT vocabulary`,
      "Tokens to train; no more than the text supports.",
    ),
    min_frequency: fixed(
      count,
      2,
      "Hugging Face tokenizers",
      "Pairs of tokens seen less often are not merged.",
    ),
    normalizers: fixed(
      normalizers,
      [],
      OURS,
      "Applied to all text, in this order, in training and in generation.",
    ),
  },
  text: {
    target_slots: fixed(
      integer(1, 2 ** 20),
      54,
      PAPER,
      "Target slots N; longer targets are cut and counted.",
    ),
    length: fixed(
      lengths,
      "fixed",
      PAPER,
      'Whether every target gets target_slots, or ("batch") as many as all but the longest 0.5 % of targets need whose sources are as long as its own, a multiple of 4.',
    ),
    max_source_tokens: fixed(
      integer(1, 2 ** 20),
      512,
      REFERENCE,
      "Longer sources are cut and counted.",
    ),
  },
  network: {
    embedding_size: fixed(width, 64, PAPER, "Width C of token embeddings and latents."),
    hidden_size: fixed(
      integer(2, 65_536),
      128,
      PAPER,
      "Hidden width d, a multiple of attention_heads.",
    ),
    encoder_layers: fixed(integer(0, 1024), 6, PAPER, "Layers of the encoder."),
    decoder_layers: fixed(integer(1, 1024), 6, PAPER, "Layers of the decoder."),
    attention_heads: fixed(width, 8, PAPER, "Attention heads of encoder and decoder."),
    encoder_ffn_size: fixed(
      integer(1, 2 ** 20),
      512,
      PAPER,
      "Inner width of the encoder's feed-forward layers; the decoder's is 4d.",
    ),
    time_channels: fixed(
      integer(2, 65_536),
      64,
      REFERENCE,
      "Width of the sinusoidal time embedding, even.",
    ),
    max_positions: fixed(
      integer(1, 2 ** 20),
      512,
      REFERENCE,
      "Learned positions on either side, at least target_slots and max_source_tokens.",
    ),
    time_conditioning: fixed(
      timeConditionings,
      "txl",
      PAPER,
      'How timesteps enter: an extra attention key ("txl"), a rotation of queries and keys ("rotary"), a term of the input ("additive", as in Diffusion-LM), or not at all ("none").',
    ),
    self_conditioning: fixed(
      boolean,
      false,
      PAPER,
      "Whether the decoder is also given its previous prediction (Chen et al. 2023).",
    ),
    embedding_layer_norm: fixed(
      boolean,
      false,
      `${PAPER}; on in Difformer`,
      "LayerNorm on token embeddings, which keeps them from collapsing under the anchor loss.",
    ),
    shifted: fixed(
      boolean,
      false,
      OURS,
      "Whether settled slots predict their right neighbour and only waiting slots stand beside them; then one pass trains every token of a target. Needs diffusion.anchor_distance = 1.",
    ),
    token_chain: fixed(
      integer(0, 65_536),
      0,
      `${PAPER}: none`,
      "Inner width of the head that makes the tokens drafted in one call fit each other; 0: none. Needs network.shifted.",
    ),
    shared_embeddings: fixed(
      boolean,
      false,
      PAPER,
      "Whether the encoder reads the target's embeddings in place of its own: fewer weights, and copying is learnt at once. Needs network.embedding_size = network.hidden_size.",
    ),
  },
  diffusion: {
    steps: fixed(integer(2, 1_000_000), 2000, PAPER, "Diffusion steps T."),
    noise_schedule: fixed(
      noiseSchedules,
      "sqrt",
      PAPER,
      "How fast the signal fades over the steps.",
    ),
    timesteps: fixed(
      timestepKinds,
      "token",
      PAPER,
      'Which timesteps slots have together: one per slot, left ahead of right ("token"); one per sentence ("sentence": Diffusion-LM, GENIE); one per block, left blocks first ("block": SSD-LM, BD3-LM); or any, of which generation takes those of "token" ("independent": Diffusion Forcing); or one per slot, learned so that the loss of every position grows evenly with the sentence\'s ("learned": SeqDiffuSeq).',
    ),
    anchor_scale: fixed(
      number(1, 1e6),
      2,
      PAPER,
      "Distance of the anchor in multiples of the number of slots: the larger, the less left and right differ.",
    ),
    anchor_distance: fixed(
      nullable(count),
      null,
      `${PAPER}: the anchor is fixed`,
      'Slots from the start point to the anchor, which then moves with it in place of lying at anchor_scale; slots beyond it have not started, and are left out. The smaller, the nearer to one token at a time. With "block" timesteps, the slots of a block; without it all are one.',
    ),
    noise_factor: fixed(
      number(1e-3, 1e3),
      1,
      `${PAPER}; 4 is better: docs/training-notes.md`,
      "F in z = sqrt(abar) x0 + F sqrt(1 - abar) eps; the network's input is rescaled to unit variance and generation starts from F times noise.",
    ),
    latent_view: fixed(
      latentViews,
      "unit_variance",
      `${PAPER}, where it is the latent as it is`,
      'What the network is shown of a latent: brought to unit variance, "as_is", or shrunk to E[x0 | z] ("expected_x0"), so that noise fades where it hides everything.',
    ),
    rescale_timesteps: fixed(
      boolean,
      true,
      REFERENCE,
      "Whether the network takes timesteps as t * 1000 / T.",
    ),
    step_grid: fixed(
      grids,
      "even",
      PAPER,
      "How generation and validation space their steps unless told otherwise: stored with the model.",
    ),
    left_to_right_share: fixed(
      nullable(share),
      null,
      PAPER,
      "Share of training indices drawn from the phase in which slots start one after another; without it all indices are equally likely. Not with network.shifted, where every row visits every place.",
    ),
  },
  training: {
    steps: free(count, 40_000, PAPER, "Updates. Linear and cosine decay end here."),
    batch_size: fixed(count, 128, PAPER, "Rows of one micro-batch."),
    batch_tokens: fixed(
      countOrNever,
      0,
      `${PAPER}: rows are counted`,
      "The most tokens of a micro-batch, sources and targets with their padding, in the place of batch_size; 0: rows are counted.",
    ),
    accumulation: scheduled(
      integer(1, 65_535),
      24,
      `${PAPER}: 3072 rows an update`,
      "Micro-batches whose gradients make one update.",
    ),
    start_from: fixed(
      nullable(path),
      null,
      OURS,
      "A model folder whose weights and tokenizer to start from (fine-tuning); its network must be the same. Without one, weights are random.",
    ),
    learning_rate: scheduled(
      number(0, 10),
      3e-4,
      PAPER,
      "Peak learning rate; what warm-up and decay leave of it is taken.",
    ),
    warmup_steps: fixed(
      countOrNever,
      4000,
      PAPER,
      "Updates over which the learning rate rises linearly from 0.",
    ),
    decay: fixed(
      decays,
      "constant",
      `${PAPER}; linear in its other runs`,
      "What the learning rate does after warm-up: stay; fall to 0 linearly or along half a cosine; or fall with the inverse square root of the updates (Vaswani et al. 2017).",
    ),
    decay_share: fixed(
      number(0.001, 1),
      1,
      `${PAPER}'s other runs: all after warm-up`,
      "Share of the updates over which linear or cosine decay takes place, at the end of the run.",
    ),
    beta1: fixed(number(0, 0.9999999), 0.9, "AdamW, PyTorch", "Decay of the first moment."),
    beta2: fixed(number(0, 0.9999999), 0.999, "AdamW, PyTorch", "Decay of the second moment."),
    epsilon: fixed(
      number(1e-12, 1),
      1e-8,
      "AdamW, PyTorch",
      "Added to the denominator; without it the first updates divide by 0.",
    ),
    weight_decay: scheduled(number(0, 1), 0, PAPER, "Decoupled weight decay, on all weights."),
    clip_norm: scheduled(
      number(0, 1e9),
      0,
      OURS,
      "Gradients are scaled down to this norm; 0 never.",
    ),
    ema_decay: scheduled(
      share,
      0.9999,
      PAPER,
      "Decay of the moving average of the weights, which is what generates and is saved as the model; 0 keeps no average.",
    ),
    ema_warmup: fixed(
      boolean,
      false,
      `${PAPER}; warm-up as in TensorFlow's ExponentialMovingAverage`,
      "Lower the decay to (1 + n) / (10 + n) at update n, so that a short run's average forgets its start.",
    ),
    dropout: scheduled(rate, 0.2, PAPER, "Dropout of hidden states."),
    attention_dropout: scheduled(rate, 0, OURS, "Dropout of attention probabilities."),
    label_smoothing: scheduled(
      rate,
      0,
      PAPER,
      "Share of the target's probability spread over the vocabulary in the rounding loss.",
    ),
    rounding_loss: fixed(
      roundingLosses,
      "x0",
      `${PAPER}; "prediction" in Difformer`,
      "What the rounding loss is taken of: the noised embedding, or the network's prediction (the anchor loss).",
    ),
    squared_error: scheduled(
      number(0, 1e6),
      1,
      PAPER,
      "Weight of the squared error of predictions beside their rounding loss; 0 leaves the rounding loss alone.",
    ),
    waiting_weight: scheduled(
      share,
      0.3,
      OURS,
      "Weight of the loss of slots that wait, with network.shifted.",
    ),
    waiting_slots: scheduled(
      waitingSlots,
      [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 6],
      OURS,
      "How many slots wait in the blocks of a micro-batch, with network.shifted: each number as likely as another.",
    ),
    timestep_sampler: fixed(
      timestepSamplers,
      "uniform",
      PAPER,
      'How timesteps are drawn: all equally likely, or ("loss_second_moment": GENIE, improved DDPM) the more often the greater the losses that were last seen there, and weighted so that the loss stays what it is. Not where slots have timesteps of their own, or are left out.',
    ),
    loss_groups: fixed(
      nullable(integer(2, 1_000_000)),
      null,
      "SeqDiffuSeq: 100; GENIE: one a timestep",
      'Groups of timesteps whose losses are remembered, for "loss_second_moment" and for diffusion.timesteps = "learned"; without it, as many as their sources have.',
    ),
    schedule_every: fixed(
      count,
      20_000,
      "SeqDiffuSeq",
      'Updates after which diffusion.timesteps = "learned" makes a schedule of the losses since the last one; the first is made after three times as many.',
    ),
    train_only: scheduled(
      trainedParts,
      "all",
      OURS,
      'What is trained: "all", or the chain head alone ("token_chain"), everything else as in training.start_from, which may lack the head.',
    ),
    self_conditioning_probability: scheduled(
      share,
      0.5,
      "Analog Bits",
      "Share of micro-batches with a first pass that gives the self-conditioning input; used with network.self_conditioning.",
    ),
    self_conditioning_noise: scheduled(
      number(0, 100),
      0,
      `${PAPER}; FastDiSS perturbs`,
      "Standard deviation of noise added to the self-conditioning input.",
    ),
    source_dropout: scheduled(
      share,
      0,
      `${PAPER}; 0.1 for classifier-free guidance`,
      "Share of rows whose source is reduced to its first token.",
    ),
    padding_weight: scheduled(
      share,
      1,
      PAPER,
      "Weight of the loss of padding slots after the end token.",
    ),
    dtype: fixed(
      dtypes,
      "f32",
      OURS,
      "Data type of the network's matmuls; bf16 is mixed precision, as in the paper's runs (there with float16); a CPU without AMX computes it in float32.",
    ),
    device: free(
      device,
      "auto",
      OURS,
      'Where to train; "auto" takes the first CUDA device, or else the CPU.',
    ),
    threads: free(
      integer(0, 1024),
      0,
      OURS,
      "CPU threads; 0: one per hardware thread. Another number changes the last bits of float32 results.",
    ),
    seed: fixed(integer(0, 2 ** 52), 1, OURS, "Everything random follows from it."),
    non_finite: free(
      reactions,
      "stop",
      OURS,
      "What to do where the gradients are not finite: stop with an error, or leave out the update.",
    ),
  },
  validation: {
    every: free(countOrNever, 1000, OURS, "Updates between validations; 0 never."),
    lines: free(
      countOrNever,
      200,
      OURS,
      "Lines of the development set that are translated for BLEU; 0: none, and there is no BLEU.",
    ),
    loss_lines: free(
      count,
      1000,
      OURS,
      "Pairs of the development set that the validation loss is taken over.",
    ),
    steps: free(count, 20, PAPER, "Network evaluations a line."),
    candidates: free(
      count,
      1,
      OURS,
      "Candidates a line, one of which is chosen by minimum Bayes risk.",
    ),
    patience: free(
      countOrNever,
      0,
      OURS,
      "Validations without a better checkpoints.metric after which the run ends; 0 never. It is counted anew where data.train changes.",
    ),
    samples: free(countOrNever, 5, OURS, "Generated lines that are shown."),
  },
  checkpoints: {
    every: free(countOrNever, 1000, OURS, "Updates between checkpoints; 0 never."),
    minutes: free(
      number(0, 1e6),
      10,
      OURS,
      "Minutes after which a checkpoint is due even so; 0 never.",
    ),
    keep: free(count, 2, OURS, "How many of the latest checkpoints are kept, besides the best."),
    metric: free(
      metrics,
      "bleu",
      OURS,
      "What the best checkpoint is best in: BLEU or chrF of the validation, or its loss.",
    ),
    export: free(
      exports,
      "last",
      OURS,
      "Which checkpoint becomes the model; without a validation the last does.",
    ),
    dtype: free(dtypes, "f32", OURS, "How the model's weights are stored."),
  },
  card: {
    title: free(nullable(text), null, OURS, "Name of the model; the run's name by default."),
    license: free(nullable(text), null, OURS, "Licence of the data, and so of the model."),
    data: free(
      nullable(text),
      null,
      OURS,
      "Where the data come from, with the attribution their licence asks for.",
    ),
  },
  log: {
    every: free(count, 50, OURS, "Updates between lines of log.jsonl."),
    tensorboard: free(boolean, true, OURS, "Whether to write TensorBoard event files."),
  },
} as const;

/** The values of all options. */
export type OptionValues = {
  readonly [Section in keyof typeof OPTIONS]: {
    readonly [Name in keyof (typeof OPTIONS)[Section]]: OptionValue<
      (typeof OPTIONS)[Section][Name]
    >;
  };
};

/** The values of `[training]` at an update: those of tables are chosen. */
export type TrainingAt = {
  readonly [Name in keyof typeof OPTIONS.training]: OptionValueAt<
    (typeof OPTIONS.training)[Name]
  >;
};

/** An option as the documentation shows it. */
interface OptionDoc {
  /** Section and name, as `--set` takes them. */
  readonly name: string;
  /** As it would stand in a configuration; "none" where there is no value. */
  readonly default: string;
  readonly expected: string;
  readonly source: string;
  readonly text: string;
}

/** Every option in the order of the table. */
export function describeOptions(): OptionDoc[] {
  return Object.entries(OPTIONS).flatMap(([section, options]) =>
    Object.entries(options as Readonly<Record<string, Option<unknown>>>).map(([name, option]) => ({
      name: `${section}.${name}`,
      default: option.default === null ? "none" : JSON.stringify(option.default),
      expected: option.type.expected,
      source: option.source,
      text: option.text,
    }))
  );
}
