/** Options of the model: tokenizer, text, network and process. */
import { TIME_CONDITIONINGS } from "../../denoiser/config.ts";
import { LATENT_VIEWS, NOISE_SCHEDULES, STEP_GRIDS } from "../../diffusion/names.ts";
import { TRAINED_SCHEMES } from "../../diffusion/timesteps/schemes.ts";
import {
  boolean,
  type FieldType,
  integer,
  nullable,
  number,
  oneOf,
} from "../../host/json_fields.ts";
import { NORMALIZERS } from "../../text/normalizer.ts";
import { fixed } from "../option.ts";
import { count, OURS, PAPER, path, REFERENCE, share } from "./value_types.ts";

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
const grids = oneOf(STEP_GRIDS);
const width = integer(1, 65_536);

export const MODEL_SECTIONS = {
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
      'What the network is shown of a latent: brought to unit variance, "as_is", or shrunk to E[x0 | z] ("expected_x0"), so that noise fades where it hides everything; "gated": the first where text prevails, the third where noise does.',
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
} as const;
