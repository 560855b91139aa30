/** The three ways to the expected utility of every candidate. */

import type { DistinctCandidates } from "./distinct.ts";
import type { CompiledCandidates } from "./utilities/utility.ts";

/**
 * Others whose weight is this part of a candidate's own count as none in aggregation, which subtracts
 * the candidate from sums over all and would be left with their rounding.
 */
const NEGLIGIBLE = 1e-12;

/** What a method has found out about an input's distinct texts. */
export interface Expectation {
  /**
   * The expected utility of text `u`: its weighted mean utility against all candidates but one of
   * those that have this text.
   *
   * @param ownWeight the weight of the candidate that is left out
   */
  of(u: number, ownWeight: number): number;
  /** Whether text `u` may be chosen. */
  contends(u: number): boolean;
}

/**
 * Joins the mean utility against other texts with that against duplicates, which is utility(u, u).
 * Where no other candidate has any weight, a text is judged by itself alone.
 *
 * @param meanUtility against the candidates with other texts
 */
export function withDuplicates(
  compiled: CompiledCandidates,
  { weights, otherWeights }: DistinctCandidates,
  u: number,
  meanUtility: number,
  ownWeight: number,
): number {
  const others = otherWeights[u]!;
  const duplicates = weights[u]! - ownWeight;
  if (others + duplicates <= 0) return compiled.self(u);
  return (others * meanUtility + duplicates * compiled.self(u)) / (others + duplicates);
}

/** Compares every text with every other: K² / 2 comparisons, each in both directions. */
export function exactExpectation(
  compiled: CompiledCandidates,
  distinct: DistinctCandidates,
): Expectation {
  const { size } = compiled;
  const { weights, otherWeights } = distinct;
  const sums = new Float64Array(size);
  const asReference = new Float64Array(size);
  const asHypothesis = new Float64Array(size);
  const indices = Int32Array.from({ length: size }, (_, u) => u);
  for (let u = 0; u < size; u++) {
    const later = indices.subarray(u + 1);
    compiled.compare(u, later, asReference, asHypothesis);
    for (let i = 0, v = u + 1; v < size; i++, v++) {
      sums[u]! += weights[v]! * asReference[i]!;
      sums[v]! += weights[u]! * asHypothesis[i]!;
    }
  }
  const mean = sums.map((sum, u) => otherWeights[u]! > 0 ? sum / otherWeights[u]! : 0);
  return {
    of: (u, ownWeight) => withDuplicates(compiled, distinct, u, mean[u]!, ownWeight),
    contends: () => true,
  };
}

/**
 * Compares every text with the mean statistics of the others (reference aggregation; DeNero et al.
 * 2009, Vamvas and Sennrich 2024): time proportional to K.
 */
export function aggregateExpectation(
  compiled: CompiledCandidates,
  distinct: DistinctCandidates,
): Expectation {
  if (compiled.aggregate === undefined) {
    throw new RangeError("Cannot aggregate references of a utility without mean statistics");
  }
  const { weights, otherWeights } = distinct;
  const utility = compiled.aggregate(weights);
  return {
    of: (u, ownWeight) => {
      const evidence = otherWeights[u]! + weights[u]! - ownWeight;
      return evidence > NEGLIGIBLE * ownWeight ? utility(u, ownWeight) : compiled.self(u);
    },
    contends: () => true,
  };
}
