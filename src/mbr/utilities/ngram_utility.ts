/**
 * Utilities that depend on a pair of texts only through their n-gram totals and clipped matches of
 * each order: BLEU, chrF and token F1.
 */

import { expectKnownOptions, type OptionNames } from "../../option_names.ts";
import { NgramSets, ngramTotal } from "../ngram_sets.ts";
import { internTokens, lengthOf } from "../sequences.ts";
import type { CompiledCandidates, Utility } from "./utility.ts";

/** What tells one n-gram utility from another. */
export interface NgramMeasure {
  /** The longest n-grams counted. */
  readonly maxOrder: number;
  /** The symbols of a text over which n-grams run. */
  split(text: string): string[];
  /**
   * The utility of a pair, before any penalty. Each argument is an array and the index of order 1 in
   * it; order n follows n - 1 places on. The statistics may be means and then need not be integers.
   */
  score(
    matches: Float64Array,
    m: number,
    reference: Float64Array,
    r: number,
    hypothesis: Float64Array,
    h: number,
  ): number;
  /** A factor of the utility that depends on the lengths alone; 1 where absent. */
  penalty?(referenceLength: number, hypothesisLength: number): number;
}

const MEASURE_NAMES: OptionNames<NgramMeasure> = {
  maxOrder: true,
  split: true,
  score: true,
  penalty: true,
};

/** The utility of a measure. */
export function ngramUtility(measure: NgramMeasure): Utility {
  expectKnownOptions(measure, MEASURE_NAMES, "ngramUtility()");
  return { compile: (candidates) => new NgramCandidates(measure, candidates) };
}

class NgramCandidates implements CompiledCandidates {
  readonly size: number;
  readonly #measure: NgramMeasure;
  readonly #sets: NgramSets;
  /** n-grams of order n in candidate c, at `[c * maxOrder + n - 1]`. */
  readonly #totals: Float64Array;
  /** Room for the matches of one comparison. */
  readonly #matches: Float64Array;

  constructor(measure: NgramMeasure, candidates: readonly string[]) {
    const { maxOrder } = measure;
    const sequences = internTokens(candidates.map((text) => measure.split(text)));
    this.size = candidates.length;
    this.#measure = measure;
    this.#sets = new NgramSets(sequences, maxOrder);
    this.#matches = new Float64Array(this.size * maxOrder);
    this.#totals = new Float64Array(this.size * maxOrder);
    for (let c = 0; c < this.size; c++) {
      const length = lengthOf(sequences, c);
      for (let n = 1; n <= maxOrder; n++) {
        this.#totals[c * maxOrder + n - 1] = ngramTotal(length, n);
      }
    }
  }

  compare(
    u: number,
    others: Int32Array,
    asReference: Float64Array,
    asHypothesis: Float64Array,
  ): void {
    const measure = this.#measure, totals = this.#totals, matches = this.#matches;
    const { maxOrder } = measure;
    this.#sets.intersect(u, others, matches);
    const own = u * maxOrder;
    for (let i = 0, m = 0; i < others.length; i++, m += maxOrder) {
      const other = others[i]! * maxOrder;
      asReference[i] = measure.score(matches, m, totals, own, totals, other);
      asHypothesis[i] = measure.score(matches, m, totals, other, totals, own);
      if (measure.penalty !== undefined) {
        asReference[i]! *= measure.penalty(totals[own]!, totals[other]!);
        asHypothesis[i]! *= measure.penalty(totals[other]!, totals[own]!);
      }
    }
  }

  self(u: number): number {
    const totals = this.#totals, at = u * this.#measure.maxOrder;
    const penalty = this.#measure.penalty?.(totals[at]!, totals[at]!) ?? 1;
    return penalty * this.#measure.score(totals, at, totals, at, totals, at);
  }

  /**
   * The means of the clipped matches and of the penalty are exact, the first since matches are
   * counted by id, the second since there are few lengths. What is approximated is the mean of the
   * score by the score of means.
   */
  aggregate(weights: Float64Array): (u: number, leftOut: number) => number {
    const sets = this.#sets, measure = this.#measure, totals = this.#totals;
    const { maxOrder } = measure;
    const mass = sets.mass(weights);
    const totalMass = new Float64Array(maxOrder);
    const lengthMass = new Map<number, number>();
    let weightSum = 0;
    for (let c = 0; c < this.size; c++) {
      const length = totals[c * maxOrder]!;
      lengthMass.set(length, (lengthMass.get(length) ?? 0) + weights[c]!);
      weightSum += weights[c]!;
      for (let n = 0; n < maxOrder; n++) {
        totalMass[n]! += weights[c]! * totals[c * maxOrder + n]!;
      }
    }
    const matches = new Float64Array(maxOrder);
    const hypothesis = new Float64Array(maxOrder);

    const meanPenalty = (u: number, leftOut: number) => {
      if (measure.penalty === undefined) return 1;
      const own = totals[u * maxOrder]!;
      let sum = -leftOut * measure.penalty(own, own);
      for (const [length, weight] of lengthMass) sum += weight * measure.penalty(own, length);
      return sum / (weightSum - leftOut);
    };
    return (u, leftOut) => {
      const own = u * maxOrder;
      const weight = weights[u]!;
      const remaining = weightSum - leftOut;
      for (let n = 0; n < maxOrder; n++) {
        const total = totals[own + n]!;
        const matched = sets.massOf(mass, u, n + 1, weight) + (weight - leftOut) * total;
        matches[n] = matched / remaining;
        hypothesis[n] = Math.max(totalMass[n]! - leftOut * total, 0) / remaining;
      }
      return meanPenalty(u, leftOut) * measure.score(matches, 0, totals, own, hypothesis, 0);
    };
  }
}
