/**
 * The metrics by the names that `--metrics` knows: each scores one system's outputs and says what
 * its numbers are. A new metric is one more function in `GROUPS`.
 */
import {
  bleuFromStatistics,
  type BleuOptions,
  bleuSignature,
  bleuStatistics,
  describeBleu,
  type SmoothMethod,
} from "./bleu.ts";
import type { BleuTokenizer } from "./bleu_tokenizers.ts";
import type { Confidence, ResampledScore } from "./bootstrap.ts";
import { chrfFromStatistics, chrfName, chrfSignature, chrfStatistics } from "./chrf.ts";
import { ciderFromStatistics, ciderSignature, ciderStatistics } from "./cider.ts";
import { cocoBleuFromStatistics, cocoBleuSignature, cocoBleuStatistics } from "./coco_bleu.ts";
import { coverageFromStatistics, coverageSignature, coverageStatistics } from "./coverage.ts";
import { distinct, distinctSignature, div4, selfBleu, selfBleuSignature } from "./diversity.ts";
import {
  type ROUGE_REFERENCES,
  type ROUGE_TOKENIZERS,
  ROUGE_VARIANTS,
  rougeFromStatistics,
  rougeSignature,
  rougeStatistics,
} from "./rouge.ts";
import type { Metric } from "./metric_names.ts";
import { nistFromStatistics, nistSignature, nistStatistics } from "./nist.ts";
import type { ReferenceLists } from "./segment_statistics.ts";
import { referenceCount, type SignatureBootstrap } from "./signature.ts";
import { terFromStatistics, terSignature, terStatistics } from "./ter.ts";

/** Metrics that compare outputs with each other, and so score no single one. */
export const METRICS_OF_SETS: readonly Metric[] = ["distinct", "self-bleu"];

/** Metrics that compare with references. */
export const METRICS_WITH_REFERENCES: readonly Metric[] = [
  "bleu",
  "chrf",
  "ter",
  "rouge",
  "cider",
  "nist",
];

/** Settings shared by the metrics; each signature names those that its metric obeys. */
export interface MetricOptions {
  /** Tokenizer of BLEU, distinct-n, Self-BLEU and Div-4. Default `13a`. */
  readonly tokenize?: BleuTokenizer;
  /** Smoothing of BLEU and Self-BLEU. Default `exp`. */
  readonly smooth?: SmoothMethod;
  /** Value of the smoothing methods `floor` and `add-k`. */
  readonly smoothValue?: number;
  /** Lower-case for all metrics but TER, ROUGE and coverage, which always do. Default false. */
  readonly lowercase?: boolean;
  /** chrF averaged over orders as chrF++.py does; see `ChrfOptions`. Default false. */
  readonly chrfEpsSmoothing?: boolean;
  /** Porter stems in ROUGE. Default false. */
  readonly stem?: boolean;
  /** What is a word to ROUGE. Default `alnum`. */
  readonly rougeTokenize?: typeof ROUGE_TOKENIZERS[number];
  /** What ROUGE makes of several references. Default `best`. */
  readonly rougeReferences?: typeof ROUGE_REFERENCES[number];
  /** What stands between sentences in ROUGE-Lsum. Default a line feed. */
  readonly sentenceSeparator?: string;
  /**
   * A score for each segment, BLEU's over the orders that the segment is long enough for, as
   * sacreBLEU's `--sentence-level`. For metrics of single outputs alone. Default false.
   */
  readonly sentenceLevel?: boolean;
}

/** What is scored: a system's outputs and what they are compared with. */
export interface SystemInput {
  /** One per segment. */
  readonly hypotheses: readonly string[];
  /** Several outputs per segment, at least two each, for Self-BLEU and Div-4. */
  readonly candidates?: readonly (readonly string[])[];
  /** One list per segment; not needed by distinct, self-bleu and coverage. */
  readonly references?: ReferenceLists;
  /** One per segment: space-separated concepts, for coverage. */
  readonly sources?: readonly string[];
}

/** One number, and what it is. */
export interface MetricScore {
  /** The group it belongs to. */
  readonly metric: Metric;
  /** As papers call it: "BLEU", "chrF2++", "ROUGE-L". */
  readonly name: string;
  /** In the unit that `about` names. */
  readonly score: number;
  /** Decimals worth printing. */
  readonly digits: number;
  /** What the number means, for a reader. */
  readonly about: string;
  /** What the number depends on, for comparison. */
  readonly signature: string;
  /** The parts of the number, as text. */
  readonly parts?: string;
  /** The parts of the number, by name. */
  readonly details: Readonly<Record<string, number | readonly number[]>>;
  /** The score of each segment by itself, where asked for. */
  readonly segments?: Float64Array;
  /** How the score follows from sums over segments; absent where it does not. */
  readonly resampling?: ResampledScore;
  /** A 95 % interval, where resampling was asked for and is possible. */
  readonly confidence?: Confidence;
  /** The chance of such a difference to the first system, where there is one. */
  readonly pValue?: number;
}

/** What a metric's function is given. */
interface Request {
  readonly input: SystemInput;
  readonly options: MetricOptions;
  readonly bootstrap: SignatureBootstrap | undefined;
}

const GROUPS: Readonly<Record<Metric, (request: Request) => MetricScore[]>> = {
  "bleu": bleuScores,
  "chrf": chrfScores,
  "ter": terScores,
  "rouge": rougeScores,
  "cider": captionScores,
  "nist": nistScores,
  "distinct": distinctScores,
  "self-bleu": selfBleuScores,
  "coverage": coverageScores,
};

/**
 * Scores one system by the metrics named, in their order.
 *
 * @param bootstrap noted in the signatures of the scores that can be resampled
 * @throws {RangeError} where a metric lacks the references or sources it needs, or the numbers of
 * segments differ
 */
export function metricScores(
  input: SystemInput,
  metrics: readonly Metric[],
  options: MetricOptions = {},
  bootstrap?: SignatureBootstrap,
): MetricScore[] {
  const scores = metrics.flatMap((metric) => GROUPS[metric]({ input, options, bootstrap }));
  return options.sentenceLevel ? scores.map(withSegments) : scores;
}

/** Adds the score of each segment: that of its statistics alone. */
function withSegments(one: MetricScore): MetricScore {
  if (one.resampling === undefined) {
    throw new RangeError(`Cannot score single segments by "${one.metric}": it compares outputs`);
  }
  const { statistics, score } = one.resampling;
  const segments = Float64Array.from(
    { length: statistics.segments },
    (_, k) => score(statistics.row(k)),
  );
  return { ...one, segments };
}

function bleuScores({ input, options, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "bleu");
  const bleuOptions = {
    ...bleuOptionsOf(options),
    effectiveOrder: options.sentenceLevel ?? false,
  };
  const statistics = bleuStatistics(input.hypotheses, references, bleuOptions);
  const { score, ...details } = bleuFromStatistics(statistics.sum(), bleuOptions);
  return [{
    metric: "bleu",
    name: "BLEU",
    score,
    digits: 2,
    about: "corpus BLEU-4 as sacreBLEU computes it, 0 to 100",
    signature: bleuSignature(referenceCount(references), bleuOptions, bootstrap),
    parts: describeBleu({ score, ...details }),
    details: { ...details },
    resampling: { statistics, score: (sums) => bleuFromStatistics(sums, bleuOptions).score },
  }];
}

function chrfScores({ input, options, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "chrf");
  return [0, 2].map((wordOrder) => {
    const chrfOptions = {
      wordOrder,
      lowercase: options.lowercase ?? false,
      epsSmoothing: options.chrfEpsSmoothing ?? false,
    };
    const statistics = chrfStatistics(input.hypotheses, references, chrfOptions);
    const score = (sums: Float64Array) => chrfFromStatistics(sums, chrfOptions);
    const units = wordOrder > 0 ? "character and word n-grams" : "character n-grams";
    return {
      metric: "chrf",
      name: chrfName(chrfOptions),
      score: score(statistics.sum()),
      digits: 2,
      about: `F-score of ${units}, recall weighted double, as sacreBLEU computes it, 0 to 100`,
      signature: chrfSignature(referenceCount(references), chrfOptions, bootstrap),
      details: {},
      resampling: { statistics, score },
    };
  });
}

function terScores({ input, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "ter");
  const statistics = terStatistics(input.hypotheses, references);
  const sums = statistics.sum();
  return [{
    metric: "ter",
    name: "TER",
    score: terFromStatistics(sums),
    digits: 2,
    about: "edits and shifts per 100 reference words as sacreBLEU computes it; lower is better",
    signature: terSignature(referenceCount(references), {}, bootstrap),
    details: { edits: sums[0]!, referenceLength: sums[1]! },
    resampling: { statistics, score: terFromStatistics },
  }];
}

function rougeScores({ input, options, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "rouge");
  const { sentenceSeparator, rougeTokenize = "alnum" } = options;
  const rougeOptions = {
    tokenize: rougeTokenize,
    stem: options.stem ?? false,
    references: options.rougeReferences ?? "best",
    ...(sentenceSeparator === undefined ? {} : { sentenceSeparator }),
  };
  const statistics = rougeStatistics(input.hypotheses, references, rougeOptions);
  const scores = rougeFromStatistics(statistics.sum());
  return ROUGE_VARIANTS.map((variant) => {
    const { precision, recall, f1 } = scores[variant];
    return {
      metric: "rouge",
      name: variant.replace("rouge", "ROUGE-"),
      score: 100 * f1,
      digits: 2,
      about: rougeTokenize === "alnum"
        ? "mean F1 as rouge_score computes it, times 100"
        : "mean F1 as rouge_score computes it, but of words of all scripts, times 100",
      signature: rougeSignature(referenceCount(references), rougeOptions, bootstrap),
      parts: `P = ${(100 * precision).toFixed(2)} R = ${(100 * recall).toFixed(2)}`,
      details: { precision: 100 * precision, recall: 100 * recall },
      resampling: {
        statistics,
        score: (sums: Float64Array) => 100 * rougeFromStatistics(sums)[variant].f1,
      },
    };
  });
}

function captionScores({ input, options, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "cider");
  const nrefs = referenceCount(references);
  const captionOptions = { lowercase: options.lowercase ?? false };
  const matches = cocoBleuStatistics(input.hypotheses, references, captionOptions);
  const similarities = ciderStatistics(input.hypotheses, references, captionOptions);
  const bleus: MetricScore[] = cocoBleuFromStatistics(matches.sum()).map((bleu, k) => ({
    metric: "cider",
    name: `COCO BLEU-${k + 1}`,
    score: 100 * bleu,
    digits: 2,
    about: "corpus BLEU as in COCO's and CommonGen's scripts, 0 to 100",
    signature: cocoBleuSignature(nrefs, captionOptions, bootstrap),
    details: {},
    resampling: {
      statistics: matches,
      score: (sums: Float64Array) => 100 * cocoBleuFromStatistics(sums)[k]!,
    },
  }));
  const cider = (sums: Float64Array) => 10 * ciderFromStatistics(sums);
  return [...bleus, {
    metric: "cider",
    name: "CIDEr-D x10",
    score: cider(similarities.sum()),
    digits: 2,
    about: "ten times pycocoevalcap's CIDEr-D, as CommonGen's tables print it",
    signature: ciderSignature(nrefs, captionOptions, bootstrap),
    details: {},
    resampling: { statistics: similarities, score: cider },
  }];
}

function nistScores({ input, options, bootstrap }: Request): MetricScore[] {
  const references = referencesOf(input, "nist");
  const { tokenize, lowercase } = bleuOptionsOf(options);
  const nistOptions = { ...(tokenize && { tokenize }), lowercase: lowercase ?? false };
  const statistics = nistStatistics(input.hypotheses, references, nistOptions);
  return [{
    metric: "nist",
    name: "NIST",
    score: nistFromStatistics(statistics.sum()),
    digits: 4,
    about: "information of the n-grams that references have too, per n-gram, as mteval computes it",
    signature: nistSignature(referenceCount(references), nistOptions, bootstrap),
    details: {},
    resampling: { statistics, score: nistFromStatistics },
  }];
}

function distinctScores({ input, options }: Request): MetricScore[] {
  const bleuOptions = bleuOptionsOf(options);
  return distinct(input.hypotheses, bleuOptions).map((score, k) => ({
    metric: "distinct",
    name: `distinct-${k + 1}`,
    score,
    digits: 4,
    about: "different n-grams by n-grams of all outputs together, 0 to 1",
    signature: distinctSignature("corpus", bleuOptions),
    details: {},
  }));
}

function selfBleuScores({ input, options }: Request): MetricScore[] {
  const bleuOptions = bleuOptionsOf(options);
  const sets = input.candidates ?? [input.hypotheses];
  const mean = (measure: (texts: readonly string[], options: BleuOptions) => number) =>
    sets.reduce((sum, texts) => sum + measure(texts, bleuOptions), 0) / sets.length;
  const set = input.candidates ? "candidates" : "corpus";
  const scope = input.candidates ? "the candidates of a source, averaged" : "all outputs";
  return [
    {
      metric: "self-bleu",
      name: "Self-BLEU",
      score: mean(selfBleu),
      digits: 2,
      about: `mean sentence BLEU of each text against the others of ${scope}; lower is more varied`,
      signature: selfBleuSignature(set, bleuOptions),
      details: {},
    },
    {
      metric: "self-bleu",
      name: "Div-4",
      score: mean(div4),
      digits: 4,
      about: `different 4-grams by 4-grams of ${scope}, 0 to 1; higher is more varied`,
      signature: distinctSignature(set, bleuOptions),
      details: {},
    },
  ];
}

function coverageScores({ input, bootstrap }: Request): MetricScore[] {
  if (input.sources === undefined) {
    throw new RangeError('Cannot compute metric "coverage": it needs sources');
  }
  const statistics = coverageStatistics(input.hypotheses, input.sources);
  const { mean, pooled, found, concepts } = coverageFromStatistics(statistics.sum());
  return [{
    metric: "coverage",
    name: "Coverage",
    score: 100 * mean,
    digits: 2,
    about: "mean share of a source's concepts that its output uses in some inflection, percent",
    signature: coverageSignature(bootstrap),
    parts: `${found} of ${concepts} concepts`,
    details: { pooled: 100 * pooled, found, concepts },
    resampling: { statistics, score: (sums) => 100 * coverageFromStatistics(sums).mean },
  }];
}

function referencesOf({ references }: SystemInput, metric: Metric): ReferenceLists {
  if (references) return references;
  throw new RangeError(`Cannot compute metric "${metric}": it needs references`);
}

function bleuOptionsOf(options: MetricOptions): BleuOptions {
  const { tokenize = "13a", smooth: smoothMethod = "exp", smoothValue, lowercase = false } =
    options;
  return {
    tokenize,
    smoothMethod,
    lowercase,
    ...(smoothValue === undefined ? {} : { smoothValue }),
  };
}
