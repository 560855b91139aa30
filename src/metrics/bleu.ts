/** BLEU (Papineni et al., 2002) as sacreBLEU 2.6 defines it (Post, 2018), corpus and sentence. */
import { expectChoices, expectKnownOptions, type OptionNames } from "../option_names.ts";
import { BLEU_TOKENIZERS, type BleuTokenizer, bleuTokens } from "./bleu_tokenizers.ts";
import { formatFixed } from "./format.ts";
import { NgramIndex } from "./ngram_index.ts";
import { matchWidth, writeMatches } from "./ngram_matches.ts";
import { trimEnd } from "./python_text.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { SACREBLEU_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { Vocabulary } from "./vocabulary.ts";

/** What becomes of n-gram orders without a match (Chen and Cherry, 2014). */
export const SMOOTH_METHODS = ["exp", "floor", "add-k", "none"] as const;

/** One of {@linkcode SMOOTH_METHODS}. */
export type SmoothMethod = typeof SMOOTH_METHODS[number];

/** The smoothing values that sacreBLEU takes where none is given. */
const SMOOTH_DEFAULTS = { "exp": undefined, "floor": 0.1, "add-k": 1, "none": undefined } as const;

/** sacreBLEU's options, with its defaults. */
export interface BleuOptions {
  /** Default `13a`. */
  readonly tokenize?: BleuTokenizer;
  /** Default `exp`. */
  readonly smoothMethod?: SmoothMethod;
  /** For `floor` (default 0.1) and `add-k` (default 1). */
  readonly smoothValue?: number;
  /** Lower-case both sides. Default false. */
  readonly lowercase?: boolean;
  /** Longest n-gram. Default 4. */
  readonly maxOrder?: number;
  /** Average over the orders that the hypothesis is long enough for. Default false. */
  readonly effectiveOrder?: boolean;
}

const OPTION_NAMES: OptionNames<BleuOptions> = {
  tokenize: true,
  smoothMethod: true,
  smoothValue: true,
  lowercase: true,
  maxOrder: true,
  effectiveOrder: true,
};

/** @throws {UserError} for an option or a name that BLEU does not have */
export function checkBleuOptions(options: BleuOptions): void {
  expectKnownOptions(options, OPTION_NAMES, "BLEU");
  expectChoices(options, { tokenize: BLEU_TOKENIZERS, smoothMethod: SMOOTH_METHODS }, "BLEU");
}

/** A BLEU score and what it is made of; scores and precisions from 0 to 100. */
export interface BleuScore {
  /** BLEU. */
  readonly score: number;
  /** Precision by order, smoothed. */
  readonly precisions: readonly number[];
  /** 0 to 1. */
  readonly brevityPenalty: number;
  /** Tokens. */
  readonly hypothesisLength: number;
  /** Tokens of the closest references. */
  readonly referenceLength: number;
  /** Clipped matches by order, not smoothed. */
  readonly matches: readonly number[];
  /** Hypothesis n-grams by order, not smoothed. */
  readonly totals: readonly number[];
}

/** The tokens that BLEU compares: the line lower-cased if asked for, stripped and tokenized. */
export function preprocessForBleu(line: string, options: BleuOptions = {}): string[] {
  const text = options.lowercase ? line.toLowerCase() : line;
  return bleuTokens(trimEnd(text), options.tokenize ?? "13a");
}

/** BLEU's sufficient statistics per segment, laid out as {@linkcode writeMatches} does. */
export function bleuStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: BleuOptions = {},
): SegmentStatistics {
  checkBleuOptions(options);
  checkAligned(hypotheses, references);
  const index = new NgramIndex(options.maxOrder ?? 4);
  const vocabulary = new Vocabulary();
  const bag = (line: string) => index.bag(vocabulary.ids(preprocessForBleu(line, options)));
  const statistics = new SegmentStatistics(hypotheses.length, matchWidth(index.maxOrder));
  for (const [segment, hypothesis] of hypotheses.entries()) {
    index.clear();
    writeMatches(index, bag(hypothesis), references[segment]!.map(bag), statistics.row(segment));
  }
  return statistics;
}

/** BLEU from summed statistics. */
export function bleuFromStatistics(sums: Float64Array, options: BleuOptions = {}): BleuScore {
  const maxOrder = options.maxOrder ?? 4;
  const [hypothesisLength, referenceLength] = [sums[0]!, sums[1]!];
  const matches = [...sums.subarray(2, 2 + maxOrder)];
  const totals = [...sums.subarray(2 + maxOrder)];
  const brevityPenalty = hypothesisLength >= referenceLength
    ? 1
    : hypothesisLength > 0
    ? Math.exp(1 - referenceLength / hypothesisLength)
    : 0;
  const { precisions, order } = smoothedPrecisions(matches, totals, options);
  // sacreBLEU's floored logarithm: one order without a match or smoothing makes the score 0.
  const logarithms = precisions.map((p) => p === 0 ? -9999999999 : Math.log(p));
  const score = matches.some((count) => count > 0)
    ? brevityPenalty * Math.exp(logarithms.slice(0, order).reduce((a, b) => a + b) / order)
    : 0;
  return {
    score,
    precisions,
    brevityPenalty,
    hypothesisLength,
    referenceLength,
    matches,
    totals,
  };
}

/** Precisions in percent, and the number of orders to average over. */
function smoothedPrecisions(
  matches: readonly number[],
  totals: readonly number[],
  options: BleuOptions,
): { precisions: number[]; order: number } {
  const method = options.smoothMethod ?? "exp";
  const value = options.smoothValue ?? SMOOTH_DEFAULTS[method] ?? 0;
  const precisions = new Array<number>(matches.length).fill(0);
  let order = matches.length;
  if (!matches.some((count) => count > 0)) return { precisions, order };
  let halved = 1;
  for (let n = 0; n < matches.length; n++) {
    const added = method === "add-k" && n > 0 ? value : 0;
    const matched = matches[n]! + added;
    const total = totals[n]! + added;
    if (total === 0) break;
    if (options.effectiveOrder) order = n + 1;
    if (matched > 0) {
      precisions[n] = 100 * matched / total;
    } else if (method === "exp") {
      halved *= 2;
      precisions[n] = 100 / (halved * total);
    } else if (method === "floor") {
      precisions[n] = 100 * value / total;
    }
  }
  return { precisions, order };
}

/** Corpus BLEU of hypotheses, each against its own list of references. */
export function corpusBleu(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: BleuOptions = {},
): BleuScore {
  return bleuFromStatistics(bleuStatistics(hypotheses, references, options).sum(), options);
}

/** BLEU of one sentence; as sacreBLEU advises, with effective order unless told otherwise. */
export function sentenceBleu(
  hypothesis: string,
  references: readonly string[],
  options: BleuOptions = {},
): BleuScore {
  return corpusBleu([hypothesis], [references], { effectiveOrder: true, ...options });
}

/** The signature that sacreBLEU would print, but for the version. */
export function bleuSignature(
  nrefs: number | "var",
  options: BleuOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  return signature(bleuFields(options), SACREBLEU_VERSION, nrefs, bootstrap);
}

/** The fields by which a signature tells one BLEU from another. */
export function bleuFields(
  options: BleuOptions = {},
): Record<"case" | "eff" | "tok" | "smooth", string> {
  const method = options.smoothMethod ?? "exp";
  const fallback = SMOOTH_DEFAULTS[method];
  const bracket = fallback === undefined
    ? ""
    : `[${formatFixed(options.smoothValue ?? fallback, 2)}]`;
  return {
    case: options.lowercase ? "lc" : "mixed",
    eff: options.effectiveOrder ? "yes" : "no",
    tok: options.tokenize ?? "13a",
    smooth: method + bracket,
  };
}

/** What sacreBLEU prints after the score: precisions, brevity penalty and lengths. */
export function describeBleu(score: BleuScore): string {
  const { hypothesisLength, referenceLength } = score;
  const ratio = referenceLength > 0 ? hypothesisLength / referenceLength : 0;
  return `${score.precisions.map((p) => formatFixed(p, 1)).join("/")} ` +
    `(BP = ${formatFixed(score.brevityPenalty, 3)} ratio = ${formatFixed(ratio, 3)} ` +
    `hyp_len = ${hypothesisLength} ref_len = ${referenceLength})`;
}
