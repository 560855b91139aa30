/**
 * What a utility is to the rest of MBR.
 *
 * Throughout, utility(h, h') takes the candidate h as the *reference* and the candidate h' that it is
 * compared with as the *hypothesis*, the convention of the paper's runs (SPEC section 6). Values are
 * between 0 and 1.
 */

/** A measure of how much two texts agree. */
export interface Utility {
  /** Prepares one input's candidates, distinct texts, for any number of comparisons. */
  compile(candidates: readonly string[]): CompiledCandidates;
  /**
   * Whether it can be trusted with candidates that are next to nothing, which others would choose
   * too often. Default false: such candidates are not chosen.
   */
  readonly judgesLength?: boolean;
}

/** One input's candidates, interned: no comparison looks at a string again. */
export interface CompiledCandidates {
  /** The number of candidates. */
  readonly size: number;

  /**
   * Compares candidate `u` with each of `others`, none of them `u`, in both directions at once.
   *
   * @param asReference receives utility(u, others[i]) at i
   * @param asHypothesis receives utility(others[i], u) at i
   */
  compare(
    u: number,
    others: Int32Array,
    asReference: Float64Array,
    asHypothesis: Float64Array,
  ): void;

  /** utility(u, u): 1, but 0 for a text without words. */
  self(u: number): number;

  /**
   * Reference aggregation: the utility of each candidate against the mean statistics of the others,
   * for all candidates in time proportional to their total length. Absent where a utility is no
   * function of statistics that have a mean.
   *
   * @param weights the weight of each candidate in the mean. `[size]`
   * @returns a function of candidate u and the part of its weight that is left out of its own mean;
   *   some weight must remain
   */
  aggregate?(weights: Float64Array): (u: number, leftOut: number) => number;
}
