/** Scores systems on one test set: every metric asked for, intervals, and differences. */
import { confidence, DEFAULT_BOOTSTRAP_SEED, pairedPValue, resample } from "./bootstrap.ts";
import { type CallCounts, countCalls } from "./calls.ts";
import { expectChoices, expectKnownOptions, type OptionNames } from "../option_names.ts";
import { SMOOTH_METHODS } from "./bleu.ts";
import { BLEU_TOKENIZERS } from "./bleu_tokenizers.ts";
import { type Metric, METRICS } from "./metric_names.ts";
import { ROUGE_REFERENCES, ROUGE_TOKENIZERS } from "./rouge.ts";
import {
  type MetricOptions,
  type MetricScore,
  metricScores,
  type SystemInput,
} from "./metric_scores.ts";
import type { ReferenceLists } from "./segment_statistics.ts";
import { referenceCount, type SignatureBootstrap } from "./signature.ts";

/** A system and its outputs. */
export interface System extends Pick<SystemInput, "hypotheses" | "candidates"> {
  /** As reports call it. */
  readonly name: string;
  /** Network calls of each output, where it was generated here. */
  readonly calls?: readonly number[];
}

/** A test set and the outputs of one or more systems on it. */
export interface ScoreInput extends Omit<SystemInput, "hypotheses" | "candidates"> {
  /** At least one; further ones are compared with the first. */
  readonly systems: readonly System[];
}

/** What to compute. */
export interface ScoreOptions extends MetricOptions {
  /** In the order of the report. */
  readonly metrics: readonly Metric[];
  /** Bootstrap resamples; 0 (the default) gives no intervals and no p-values. */
  readonly bootstrap?: number;
  /** Seed of the resamples. Default sacreBLEU's. */
  readonly seed?: number;
}

const OPTION_NAMES: OptionNames<ScoreOptions> = {
  metrics: true,
  bootstrap: true,
  seed: true,
  tokenize: true,
  smooth: true,
  smoothValue: true,
  lowercase: true,
  chrfEpsSmoothing: true,
  stem: true,
  rougeTokenize: true,
  rougeReferences: true,
  sentenceSeparator: true,
  sentenceLevel: true,
};

/** @throws {UserError} for an option or a name that there is not */
function checkOptions(options: ScoreOptions): void {
  expectKnownOptions(options, OPTION_NAMES, "score()");
  const { metrics, tokenize, smooth, rougeTokenize, rougeReferences } = options;
  const names = { tokenize, smooth, rougeTokenize, rougeReferences };
  expectChoices(names, {
    tokenize: BLEU_TOKENIZERS,
    smooth: SMOOTH_METHODS,
    rougeTokenize: ROUGE_TOKENIZERS,
    rougeReferences: ROUGE_REFERENCES,
  }, "score()");
  for (const metric of metrics) expectChoices({ metric }, { metric: METRICS }, "score()");
}

/** A system's scores, in the order of the metrics asked for. */
export interface SystemScores {
  /** As given. */
  readonly name: string;
  /** One or more per metric. */
  readonly scores: readonly MetricScore[];
  /** Network calls, where the outputs were generated here. */
  readonly calls?: CallCounts;
}

/** All scores: the table and the JSON are made from it. */
export interface ScoreReport {
  /** Hypotheses per system. */
  readonly segments: number;
  /** References per segment, or "var"; absent without references. */
  readonly references?: number | "var";
  /** How intervals and p-values were made, where there are any. */
  readonly bootstrap?: SignatureBootstrap;
  /** The scores of all systems correspond by position. */
  readonly systems: readonly SystemScores[];
}

/**
 * Scores every system by every metric. With resamples, scores that are sums over segments get a
 * 95 % interval, and those of the second and later systems a p-value of the difference to the
 * first, all from the same draws of segments.
 *
 * @throws {UserError} for an option or a name that there is not
 * @throws {RangeError} where a metric lacks what it needs, or the numbers of segments differ
 */
export function score(input: ScoreInput, options: ScoreOptions): ScoreReport {
  checkOptions(options);
  const { systems, references, ...rest } = input;
  const segments = systems[0]?.hypotheses.length ?? 0;
  const bootstrap = options.bootstrap
    ? { resamples: options.bootstrap, seed: options.seed ?? DEFAULT_BOOTSTRAP_SEED }
    : undefined;
  const scores = systems.map(({ hypotheses, candidates }) => {
    const system = {
      ...rest,
      hypotheses,
      ...(references && { references }),
      ...(candidates && { candidates }),
    };
    return metricScores(system, options.metrics, options, bootstrap);
  });
  const resampled = bootstrap ? withIntervals(scores, bootstrap) : scores;
  return {
    segments,
    ...(references && { references: referenceCount(references as ReferenceLists) }),
    ...(bootstrap && { bootstrap }),
    systems: systems.map(({ name, calls }, k) => ({
      name,
      scores: resampled[k]!,
      ...(calls && { calls: countCalls(calls) }),
    })),
  };
}

function withIntervals(
  systems: readonly (readonly MetricScore[])[],
  { resamples, seed }: SignatureBootstrap,
): MetricScore[][] {
  const resampled = systems.flatMap((scores) => scores.flatMap((one) => one.resampling ?? []));
  const values = new Map(resample(resampled, resamples, seed).map((v, k) => [resampled[k], v]));
  return systems.map((scores, system) =>
    scores.map((one, k) => {
      const own = values.get(one.resampling);
      if (own === undefined) return one;
      const interval = { ...one, confidence: confidence(own) };
      if (system === 0) return interval;
      const baseline = systems[0]![k]!;
      const difference = Math.abs(one.score - baseline.score);
      return {
        ...interval,
        pValue: pairedPValue(values.get(baseline.resampling)!, own, difference),
      };
    })
  );
}
