/**
 * Bootstrap resampling (Koehn, 2004): how far scores move when the test set is drawn anew, and
 * whether two systems differ by more than that. Intervals and p-values are sacreBLEU's, from the
 * same resamples: segments drawn with NumPy's generator, the same draws for every metric and system.
 */
import { Pcg64 } from "./pcg64.ts";
import type { SegmentStatistics } from "./segment_statistics.ts";

/** sacreBLEU's seed. */
export const DEFAULT_BOOTSTRAP_SEED = 12345;

/** A score that follows from sums over segments. */
export interface ResampledScore {
  /** What is summed. */
  readonly statistics: SegmentStatistics;
  /** The score of summed statistics. */
  readonly score: (sums: Float64Array) => number;
}

/** A 95 % interval, `mean` plus or minus `halfWidth`, over the resamples. */
export interface Confidence {
  /** Mean of the resampled scores. */
  readonly mean: number;
  /** Half the width of the interval. */
  readonly halfWidth: number;
}

/**
 * Scores of the same resamples for each of several metrics or systems, all over the same segments.
 *
 * @param resamples how many times to draw as many segments as there are
 * @returns for each score its values, [resamples]
 */
export function resample(
  scores: readonly ResampledScore[],
  resamples: number,
  seed: number = DEFAULT_BOOTSTRAP_SEED,
): Float64Array[] {
  const segments = scores[0]?.statistics.segments ?? 0;
  if (scores.some(({ statistics }) => statistics.segments !== segments)) {
    throw new RangeError("Cannot resample together: the numbers of segments differ");
  }
  const tables = [...new Set(scores.map(({ statistics }) => statistics))];
  const generator = new Pcg64(seed);
  const drawn = new Uint32Array(segments);
  const values = scores.map(() => new Float64Array(resamples));
  for (let sample = 0; sample < resamples; sample++) {
    for (let k = 0; k < segments; k++) drawn[k] = generator.below(segments);
    // Several scores may share statistics, whose sums cost more than the scores.
    const sums = new Map(tables.map((table) => [table, table.sumOf(drawn)]));
    for (const [k, { statistics, score }] of scores.entries()) {
      values[k]![sample] = score(sums.get(statistics)!);
    }
  }
  return values;
}

/** Mean and half the distance between the 2.5th and 97.5th percentiles of resampled scores. */
export function confidence(values: Float64Array): Confidence {
  const sorted = values.toSorted();
  const cut = Math.floor(sorted.length / 40);
  return {
    mean: sorted.reduce((a, b) => a + b) / sorted.length,
    halfWidth: (sorted[sorted.length - cut - 1]! - sorted[cut]!) / 2,
  };
}

/**
 * The two-sided p-value of a difference between two systems, as sacreBLEU's paired bootstrap test
 * gives it: how often the absolute difference on a resample exceeds its own mean by more than the
 * difference observed, counting the observation itself.
 *
 * @param baseline resampled scores, [resamples]
 * @param system scores of the same resamples
 * @param difference the absolute difference of the two scores on the test set itself
 */
export function pairedPValue(
  baseline: Float64Array,
  system: Float64Array,
  difference: number,
): number {
  const differences = baseline.map((value, k) => Math.abs(system[k]! - value));
  const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
  const exceeding = differences.filter((value) => value - mean > difference).length;
  return (exceeding + 1) / (differences.length + 1);
}
