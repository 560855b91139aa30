/** Network calls over the lines of a test set. */

/** What is said of them. */
export interface CallCounts {
  /** Over all lines. */
  readonly mean: number;
  /** At most so many in 95 of 100 lines. */
  readonly p95: number;
  /** Of any line. */
  readonly max: number;
}

/**
 * Counts calls.
 *
 * @param calls of each line, at least one
 */
export function countCalls(calls: readonly number[]): CallCounts {
  const sorted = calls.toSorted((a, b) => a - b);
  return {
    mean: sorted.reduce((sum, count) => sum + count, 0) / sorted.length,
    p95: sorted[Math.ceil(0.95 * sorted.length) - 1]!,
    max: sorted.at(-1)!,
  };
}
