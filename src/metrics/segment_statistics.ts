/**
 * Sufficient statistics: what a corpus metric keeps of each segment (a hypothesis with its
 * references) so that the score of any multiset of segments follows from a sum. Corpus scores sum
 * over all segments, bootstrap resampling over drawn ones.
 */

/** A table [segments, width] of statistics that are added up over segments. */
export class SegmentStatistics {
  /** Rows. */
  readonly segments: number;
  /** Columns. */
  readonly width: number;
  readonly #values: Float64Array;

  /**
   * A table of zeros.
   *
   * @param segments rows, at least one
   * @param width statistics per segment
   */
  constructor(segments: number, width: number) {
    if (segments < 1) throw new RangeError("Cannot score no segments: expected at least one");
    this.segments = segments;
    this.width = width;
    this.#values = new Float64Array(segments * width);
  }

  /** A writable view of one segment's statistics. */
  row(segment: number): Float64Array {
    return this.#values.subarray(segment * this.width, (segment + 1) * this.width);
  }

  /** Sums over all segments. */
  sum(): Float64Array {
    const sums = new Float64Array(this.width);
    for (let at = 0; at < this.#values.length; at += this.width) this.#add(at, sums);
    return sums;
  }

  /** Sums over the given segments, each as often as it is named. */
  sumOf(segments: ArrayLike<number>): Float64Array {
    const sums = new Float64Array(this.width);
    for (let k = 0; k < segments.length; k++) this.#add(segments[k]! * this.width, sums);
    return sums;
  }

  #add(at: number, sums: Float64Array): void {
    for (let k = 0; k < sums.length; k++) sums[k]! += this.#values[at + k]!;
  }
}

/** The reference texts of each segment: one list, never empty, per hypothesis. */
export type ReferenceLists = readonly (readonly string[])[];

/** Throws unless there is one non-empty reference list per hypothesis, and at least one. */
export function checkAligned(hypotheses: readonly string[], references: ReferenceLists): void {
  if (hypotheses.length !== references.length) {
    throw new RangeError(
      `Cannot align ${hypotheses.length} hypotheses with ${references.length} reference lists`,
    );
  }
  const bare = references.findIndex((list) => list.length === 0);
  if (bare >= 0) throw new RangeError(`Cannot score segment ${bare}: it has no reference`);
}
