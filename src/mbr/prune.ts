/**
 * Confidence-based pruning (Cheng and Vlachos 2023), made deterministic.
 *
 * Every text is compared with a small sample of the candidates, the texts that are clearly worse than
 * the leader are dropped, the sample doubles, and so on. "Clearly" is a paired test of the difference
 * to the leader, where the original resamples: no random numbers, so the same candidates give the
 * same choice. Once the sample is complete, what survived has its exact expected utility.
 */

import type { DistinctCandidates } from "./distinct.ts";
import { type Expectation, withDuplicates } from "./expectation.ts";
import type { CompiledCandidates } from "./utilities/utility.ts";

/** Candidates in the first sample. */
const FIRST_SAMPLE = 16;

/** A text is dropped when it trails the leader by more than this many standard errors. */
const STANDARD_ERRORS = 4;

/** Estimates expected utilities by a growing sample, dropping texts on the way. */
export function prunedExpectation(
  compiled: CompiledCandidates,
  distinct: DistinctCandidates,
): Expectation {
  const race = new Race(compiled, distinct);
  race.sampleUpTo(FIRST_SAMPLE);
  while (!race.isOver) {
    race.drop();
    race.sampleUpTo(2 * race.sampled);
  }
  const contends = new Set(race.contenders);
  return {
    of: (u, ownWeight) => race.expectation(u, ownWeight),
    contends: (u) => contends.has(u),
  };
}

/** One input's texts, those still in the race, and their utilities against the sample so far. */
class Race {
  readonly #compiled: CompiledCandidates;
  readonly #distinct: DistinctCandidates;
  /** The candidates that carry weight, in the order in which they enter the sample. */
  readonly #order: Int32Array;
  #sampled = 0;
  #contenders: Int32Array;
  /** utility(u, v) by u for each text v of the sample, as far as u was in the race. */
  readonly #columns = new Map<number, Float64Array>();
  /** By text u the weighted sum of its utilities over other sampled texts, and their weight. */
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;
  /** Room for the outcome of one comparison. */
  readonly #asReference: Float64Array;
  readonly #asHypothesis: Float64Array;

  constructor(compiled: CompiledCandidates, distinct: DistinctCandidates) {
    this.#compiled = compiled;
    this.#distinct = distinct;
    this.#order = scattered(distinct.groupOf.length)
      .filter((candidate) => distinct.candidateWeights[candidate]! > 0);
    this.#contenders = Int32Array.from({ length: compiled.size }, (_, u) => u);
    this.#sums = new Float64Array(compiled.size);
    this.#weights = new Float64Array(compiled.size);
    this.#asReference = new Float64Array(compiled.size);
    this.#asHypothesis = new Float64Array(compiled.size);
  }

  /** The texts that have not been dropped. */
  get contenders(): Int32Array {
    return this.#contenders;
  }

  /** The number of candidates in the sample. */
  get sampled(): number {
    return this.#sampled;
  }

  /** Whether nothing is left to find out. */
  get isOver(): boolean {
    return this.#contenders.length === 1 || this.#sampled === this.#order.length;
  }

  /** The expected utility of text `u` as far as it is known. */
  expectation(u: number, ownWeight: number): number {
    const weight = this.#weights[u]!;
    const mean = weight > 0 ? this.#sums[u]! / weight : 0;
    return withDuplicates(this.#compiled, this.#distinct, u, mean, ownWeight);
  }

  /** Compares the contenders with further candidates, until `count` or all are in the sample. */
  sampleUpTo(count: number): void {
    const end = Math.min(count, this.#order.length);
    for (; this.#sampled < end; this.#sampled++) {
      const candidate = this.#order[this.#sampled]!;
      const v = this.#distinct.groupOf[candidate]!;
      const weight = this.#distinct.candidateWeights[candidate]!;
      const column = this.#columnOf(v);
      for (const u of this.#contenders) {
        if (u === v) continue;
        this.#sums[u]! += weight * column[u]!;
        this.#weights[u]! += weight;
      }
    }
  }

  /** Drops the texts that trail the leader by more than chance explains. */
  drop(): void {
    const { meanWeights } = this.#distinct;
    let leader = -1, best = -Infinity;
    for (const u of this.#contenders) {
      const expected = this.expectation(u, meanWeights[u]!);
      if (expected > best) [leader, best] = [u, expected];
    }
    const others = this.#contenders.filter((u) => u !== leader);
    this.#compiled.compare(leader, others, this.#asReference, this.#asHypothesis);
    const trailing = new Set(
      others.filter((u, i) =>
        this.#trails(u, leader, this.#asHypothesis[i]!, this.#asReference[i]!)
      ),
    );
    this.#contenders = this.#contenders.filter((u) => !trailing.has(u));
  }

  /**
   * Whether text `u` is clearly worse than the leader `v`. What they are worth against each other and
   * against their own duplicates is known, often most of the weight; what they are worth against the
   * rest is estimated by the sample.
   *
   * @param againstLeader utility(u, v)
   * @param ofLeader utility(v, u)
   */
  #trails(u: number, v: number, againstLeader: number, ofLeader: number): boolean {
    const { weights, meanWeights, otherWeights } = this.#distinct;
    const rest = this.#sampleRest(u, v);
    const total = otherWeights[u]! + weights[u]!;
    const restWeight = Math.max(otherWeights[u]! - weights[v]!, 0);
    const expected = (text: number, other: number, againstOther: number, againstRest: number) =>
      (restWeight * againstRest + weights[other]! * againstOther +
        (weights[text]! - meanWeights[text]!) * this.#compiled.self(text)) /
      (total - meanWeights[text]!);
    const difference = expected(v, u, ofLeader, rest.meanV) -
      expected(u, v, againstLeader, rest.meanU);
    return difference > STANDARD_ERRORS * rest.standardError * restWeight / total;
  }

  /**
   * The mean utilities of texts `u` and `v` against the sampled candidates with other texts, and the
   * standard error of their difference, the sample being drawn without replacement.
   */
  #sampleRest(u: number, v: number): { meanU: number; meanV: number; standardError: number } {
    const { candidateWeights, groupOf } = this.#distinct;
    let weight = 0, squaredWeight = 0, sumU = 0, sumV = 0, squares = 0;
    for (const candidate of this.#order.subarray(0, this.#sampled)) {
      const text = groupOf[candidate]!;
      if (text === u || text === v) continue;
      const column = this.#columns.get(text)!;
      const w = candidateWeights[candidate]!;
      weight += w;
      squaredWeight += w * w;
      sumU += w * column[u]!;
      sumV += w * column[v]!;
      squares += w * (column[v]! - column[u]!) ** 2;
    }
    const effectiveSize = weight * weight / squaredWeight;
    // One candidate tells nothing about the spread. (None at all gives NaN.)
    if (!(effectiveSize > 1)) return { meanU: 0, meanV: 0, standardError: Infinity };
    const meanU = sumU / weight, meanV = sumV / weight;
    const variance = Math.max(squares / weight - (meanV - meanU) ** 2, 0);
    const unsampled = 1 - this.#sampled / this.#order.length;
    return { meanU, meanV, standardError: Math.sqrt(unsampled * variance / (effectiveSize - 1)) };
  }

  /** The utilities of the contenders with text `v` as the hypothesis, by text. */
  #columnOf(v: number): Float64Array {
    let column = this.#columns.get(v);
    if (column === undefined) {
      column = new Float64Array(this.#compiled.size);
      const others = this.#contenders.filter((u) => u !== v);
      this.#compiled.compare(v, others, this.#asReference, this.#asHypothesis);
      for (const [i, u] of others.entries()) column[u] = this.#asHypothesis[i]!;
      this.#columns.set(v, column);
    }
    return column;
  }
}

/**
 * The integers below `size` in an order that has nothing to do with how the candidates are sorted:
 * steps of the golden section, or of the next integer that visits all.
 */
function scattered(size: number): Int32Array {
  let step = Math.max(Math.round(size * (Math.sqrt(5) - 1) / 2), 1);
  while (greatestCommonDivisor(step, size) !== 1) step++;
  return Int32Array.from({ length: size }, (_, i) => (i * step) % size);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
