/**
 * Every option of generation: what it may be, its default, where the default comes from and what it
 * does. The table is the only place that knows: flags, variables, settings, completions, the library's
 * types and defaults and the documentation follow it. Help reads it, so it loads no more than names.
 */
import { SAMPLERS, STEP_GRIDS } from "../diffusion/names.ts";
import { SELECTION_METHODS, UTILITIES } from "../mbr/names.ts";
import { AUTO_SHARE, GRID_STEPS } from "./choices.ts";
import { SELECTORS } from "./selectors.ts";
import {
  anyText,
  device,
  dtype,
  flag,
  nameOf,
  numberFrom,
  optional,
  orName,
  phrases,
  seed,
  textWithGaps,
  type ValueType,
  wholeNumber,
} from "./value_types.ts";

/** One option. Its name in the table is the library's. */
export interface GenerationOption<T> {
  /** As it is written on the command line. */
  readonly flags: string;
  /** What it may be. */
  readonly type: ValueType<T>;
  /** What it is where it is not given. */
  readonly default: T;
  /** Who the default and the choices come from. */
  readonly source: string;
  /** What it does. */
  readonly text: string;
  /** Whether it is about lines that come as a stream, which `evaluate` has not. */
  readonly ofStreams: boolean;
}

const PAPER = "AR-Diffusion";
const OURS = "ardiff";

function row<T>(
  flags: string,
  type: ValueType<T>,
  standard: NoInfer<T>,
  source: string,
  text: string,
): GenerationOption<T> {
  return { flags, type, default: standard, source, text, ofStreams: false };
}

function ofStreams<T>(option: GenerationOption<T>): GenerationOption<T> {
  return { ...option, ofStreams: true };
}

/** How candidates are made and chosen among. */
export const GENERATION_OPTIONS = {
  /** Milliseconds that a line waits for others to fill its batch. */
  maxWait: ofStreams(row(
    "--max-wait <ms>",
    wholeNumber(0, 3_600_000),
    100,
    OURS,
    "longest wait for a batch to fill",
  )),
  /** Lines read ahead to find some of the same number of slots; undefined: 8 batches. */
  window: ofStreams(row(
    "--window <lines>",
    optional(wholeNumber(1, 10_000_000)),
    undefined,
    OURS,
    "lines read ahead to find some of similar length (default: 8 batches)",
  )),
  /**
   * Network evaluations M: of a grid that many, of adaptive calls at most that many. "auto": 20, or as
   * many as a sentence needs.
   */
  steps: row(
    "--steps <n>",
    orName(wholeNumber(1, 1_000_000), ["auto"]),
    "auto",
    PAPER,
    `network evaluations; auto: ${GRID_STEPS} of a grid, or as many as a sentence needs`,
  ),
  /** Whether calls follow a grid or the sentence; "auto": the sentence, where the model can. */
  skip: row(
    "--skip <how>",
    nameOf(["auto", "grid", "adaptive"]),
    "auto",
    `\`grid\`: ${PAPER}`,
    "how calls are skipped: by a grid made before, or by what the sentence needs; auto: the " +
      "sentence, where the model can",
  ),
  /** Slots that are drafted in an adaptive call; "auto": as many as are fastest. */
  draft: row(
    "--draft <n>",
    orName(wholeNumber(0, 64), ["auto"]),
    "auto",
    OURS,
    "slots that are drafted in an adaptive call: the text is the same, unless --steps limits calls; auto: as many as are fastest (on a CPU none), or with --steps 4",
  ),
  /** What log-probabilities are divided by where tokens are drawn: below 1 sharpens. */
  temperature: row(
    "--temperature <t>",
    numberFrom(0.01, 100),
    0.7,
    OURS,
    "of drawing tokens in adaptive calls: below 1 sharpens",
  ),
  /** Tokens less likely than this, at temperature 1, are not drawn (epsilon sampling). */
  epsilon: row(
    "--epsilon <p>",
    numberFrom(0, 1),
    0.05,
    "Hewitt et al. 2022",
    "tokens less likely than this are not drawn",
  ),
  /** Of the likeliest tokens so many are drawn from as together have this probability. */
  topP: row(
    "--top-p <p>",
    numberFrom(0, 1),
    1,
    "Holtzman et al. 2020",
    "tokens are drawn from the likeliest that together have this probability",
  ),
  /** What every text begins with; a space at its end: and then a new word. */
  prefix: row(
    "--prefix <text>",
    optional(anyText),
    undefined,
    OURS,
    "what every text begins with; a space at its end: and then a new word",
  ),
  /**
   * A text whose gaps ___ are filled: by models that have learnt from pairs with holes, or, where the
   * only gap is its end, by any that can keep to a prefix. It goes before `prefix`.
   */
  template: row(
    "--template <text>",
    optional(textWithGaps),
    undefined,
    "Lin et al. 2023",
    "a text with gaps ___, which are filled; gaps elsewhere than at the end need a model that has " +
      "learnt from pairs with holes",
  ),
  /** Tokens of a gap at most, for models whose slots settle together: they try every width. */
  gapWidth: row(
    "--gap-width <tokens>",
    wholeNumber(1, 64),
    4,
    OURS,
    "tokens of a gap at most, for models of the paper's process: every width is tried, and that taken " +
      "which the model is surest of",
  ),
  /**
   * Words that are to stand in a text, in any inflection that coverage knows: drawing and searching favour
   * them, a text does not end without them, and of candidates those with most of them are chosen among.
   * "{source}" stands for the words of the line.
   */
  words: row(
    "--words <list>",
    optional(phrases),
    undefined,
    OURS,
    "words, with commas between them, that are to stand in a text in some inflection ({source}: those of " +
      "its line); surest with --beam",
  ),
  /** Words and phrases that do not stand in a text, in upper or lower case. */
  avoid: row(
    "--avoid <list>",
    optional(phrases),
    undefined,
    OURS,
    "words and phrases, with commas between them, that do not stand in a text",
  ),
  /** Tokens of a text at least, the end token not counted; those of a prefix count. */
  minLength: row(
    "--min-length <tokens>",
    wholeNumber(0, 100_000),
    0,
    OURS,
    "tokens of a text at least",
  ),
  /** Tokens of a text at most, the end token not counted; undefined: as many as the model has slots. */
  maxLength: row(
    "--max-length <tokens>",
    optional(wholeNumber(1, 100_000)),
    undefined,
    OURS,
    "tokens of a text at most (default: the model's slots)",
  ),
  /** No n tokens stand in a text twice; 0: they may. */
  noRepeatNgram: row(
    "--no-repeat-ngram <n>",
    wholeNumber(0, 100),
    0,
    "Paulus et al. 2018",
    "no n tokens stand in a text twice; 0: they may",
  ),
  /** How they are spaced; "auto": as the model says. */
  grid: row(
    "--grid <kind>",
    nameOf(["auto", ...STEP_GRIDS]),
    "auto",
    `\`even\`: ${PAPER}`,
    "how the steps are spaced; auto: as the model says",
  ),
  /** How a latent moves between them. */
  sampler: row(
    "--sampler <name>",
    nameOf(SAMPLERS),
    "posterior",
    `\`posterior\`: ${PAPER}; \`ddim\`: Song et al. 2021; \`dpm++2m\`: Lu et al. 2022`,
    "update rule",
  ),
  /** DDIM's share of fresh noise. */
  eta: row(
    "--eta <number>",
    numberFrom(0, 1),
    0,
    "Song et al. 2021",
    "fresh noise of ddim, 0 to 1",
  ),
  /** Replace predictions by tokens' embeddings before each update. */
  rounding: row(
    "--no-rounding",
    flag,
    true,
    `${PAPER}'s runs round`,
    "do not round predictions to tokens between steps",
  ),
  /**
   * When slots to the right of the end token are dropped.
   *
   * A number: once two evaluations in a row find the first end token in the same slot, and that slot's
   * timestep at the second is at most this share of T - 1. With 0 the end token and all before it are
   * at rest then, so the text stays exactly the same; with more than 0 slots that are kept no longer
   * attend to dropped ones, which a model trained with `length` "batch" knows from training. "auto":
   * 0.25 for such models, "off" for others.
   */
  dropSettled: row(
    "--drop-settled <share>",
    orName(numberFrom(0, 1), ["auto", "off"]),
    "auto",
    OURS,
    "drop the slots right of an end token that two steps agree on, once its timestep is at most " +
      "this share of all: a number from 0 to 1 (0: only where the text cannot change), off, or " +
      `auto: ${AUTO_SHARE} for models trained with length "batch", off for others`,
  ),
  /** Candidates K of each source. */
  candidates: row(
    "-k, --candidates <n>",
    wholeNumber(1, 100_000),
    1,
    OURS,
    "candidates for each line",
  ),
  /** Beams B of a search, whose best texts are the candidates; 1: no search. */
  beam: row(
    "--beam <n>",
    wholeNumber(1, 1024),
    1,
    OURS,
    "beams of a search, one slot a call, whose best texts are the candidates; 1: no search",
  ),
  /** Beams and confidence go by the sum of log-probabilities by this power of the number of tokens. */
  lengthPenalty: row(
    "--length-penalty <a>",
    numberFrom(0, 10),
    1,
    "1: the mean",
    "beams and confidence go by the sum of log-probabilities divided by the tokens' number to the " +
      "power of a",
  ),
  /** Which candidate is the result. */
  select: row(
    "--select <how>",
    nameOf(["auto", ...SELECTORS]),
    "auto",
    `\`mbr\`: ${PAPER}`,
    "which candidate is the result; auto: of models in the shifted layout the one that they are surest " +
      "of (confidence), of others by mbr; coverage: of those that use most of the source's words, the " +
      "one the model is surest of; rerank: with --rerank-model",
  ),
  /** A model from targets to sources, by path or name, that --select rerank asks. */
  rerankModel: row(
    "--rerank-model <dir>",
    optional(anyText),
    undefined,
    OURS,
    "model from targets to sources, in the shifted layout, for --select rerank",
  ),
  /** w1 in reranking's score w1 confidence + w2 mean log p(source | candidate). */
  forwardWeight: row(
    "--forward-weight <w>",
    numberFrom(0, 1000),
    1,
    OURS,
    "w1 of --select rerank: w1 confidence + w2 mean log p(source | candidate)",
  ),
  /** w2 of the same. */
  reverseWeight: row(
    "--reverse-weight <w>",
    numberFrom(0, 1000),
    0.3,
    OURS,
    "w2 of --select rerank",
  ),
  /** What MBR compares candidates by. */
  utility: row(
    "--utility <name>",
    nameOf(UTILITIES),
    "bleu",
    `\`bleu\`: ${PAPER}'s runs`,
    "what MBR compares candidates by",
  ),
  /** How expected utilities are found. */
  mbrMethod: row(
    "--mbr-method <name>",
    nameOf(SELECTION_METHODS),
    "exact",
    `\`exact\`: ${PAPER}; \`aggregate\`: DeNero et al. 2009; \`prune\`: Cheng and Vlachos 2023`,
    "how expected utilities are found",
  ),
  /** w in the mixture's score (1 - w) utility + w exp(mean log-probability), from 0 to 1. */
  confidenceWeight: row(
    "--confidence-weight <w>",
    numberFrom(0, 1),
    0.5,
    OURS,
    "w of --select mixture: (1 - w) utility + w exp(mean log-probability)",
  ),
  /** Seed of the noise, 64 bits. */
  seed: row("--seed <n>", seed, 0n, OURS, "seed of the noise"),
  /** Lines that go through the network at once. */
  batchSize: row(
    "--batch-size <n>",
    wholeNumber(1, 100_000),
    32,
    OURS,
    "lines in the network at once",
  ),
} as const;

/** Where and how a model computes. */
export const LOAD_OPTIONS = {
  /** "auto": the first CUDA device, else the CPU. */
  device: row("--device <device>", device, "auto", OURS, "auto, cpu, cuda or cuda:INDEX"),
  /** Arithmetic of the network. */
  dtype: row("--dtype <type>", dtype, "f32", OURS, "arithmetic of the network; bf16 is faster"),
  /** CPU threads; 0: one per hardware thread. */
  threads: row(
    "--threads <n>",
    wholeNumber(0, 1024),
    0,
    OURS,
    "CPU threads; 0: one per hardware thread",
  ),
} as const;

/** The values of a table's options. */
export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends GenerationOption<infer T> ? T : never;
};

/** The values of all options of generation. */
export type GenerationValues = ValuesOf<typeof GENERATION_OPTIONS>;

/** The defaults of a table's options. */
export function defaultsOf<Table extends Readonly<Record<string, GenerationOption<unknown>>>>(
  table: Table,
): ValuesOf<Table> {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, option.default]),
  ) as unknown as ValuesOf<Table>;
}
