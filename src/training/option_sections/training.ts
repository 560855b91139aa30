/** Options of the updates. */
import {
  boolean,
  type FieldType,
  integer,
  nullable,
  number,
  oneOf,
} from "../../host/json_fields.ts";
import { fixed, free, scheduled } from "../option.ts";
import { count, countOrNever, dtypes, OURS, PAPER, path, share } from "./value_types.ts";

/** How the timesteps of training may be drawn. */
const TIMESTEP_SAMPLERS = ["uniform", "loss_second_moment"] as const;

const device: FieldType<string> = {
  expected: '"auto", "cpu", "cuda" or "cuda:N"',
  accepts: (value): value is string =>
    typeof value === "string" && /^(auto|cpu|cuda(:\d+)?)$/.test(value),
};
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
const reactions = oneOf(["stop", "skip"]);
const rate = number(0, 0.999);

export const TRAINING_SECTION = {
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
} as const;
