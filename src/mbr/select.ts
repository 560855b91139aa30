/**
 * Minimum Bayes risk selection (SPEC section 6): of K candidates, the one with the greatest expected
 * utility when the others stand in for the truth.
 *
 *   argmax_h  Σ_{h' ≠ h} w(h') utility(h, h') / Σ_{h' ≠ h} w(h')
 */

import { expectChoices, expectKnownOptions, type OptionNames } from "../option_names.ts";
import { type DistinctCandidates, mergeDuplicates } from "./distinct.ts";
import { aggregateExpectation, exactExpectation, type Expectation } from "./expectation.ts";
import { SELECTION_METHODS, type SelectionMethod, UTILITIES, type UtilityName } from "./names.ts";
import { prunedExpectation } from "./prune.ts";
import { words } from "./tokenize.ts";
import { utilities } from "./utilities/mod.ts";
import type { CompiledCandidates, Utility } from "./utilities/utility.ts";

/** What to select by. */
export interface SelectionOptions {
  /** What candidates are compared by, by name or as given. Default "bleu", the paper's. */
  readonly utility?: UtilityName | Utility;
  /** How the expected utility is found. Default "exact". */
  readonly method?: SelectionMethod;
  /** The weight of each candidate as evidence for the others, not negative. Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

const OPTION_NAMES: OptionNames<SelectionOptions> = { utility: true, method: true, weights: true };

/** @throws {UserError} for an option, a utility or a method that there is not */
export function checkSelectionOptions(options: SelectionOptions, taker = "mbr()"): void {
  expectKnownOptions(options, OPTION_NAMES, taker);
  const { utility, method } = options;
  expectChoices(
    { method, ...(typeof utility === "string" && { utility }) },
    { method: SELECTION_METHODS, utility: UTILITIES },
    taker,
  );
}

/** The outcome for one input. */
export interface Selection {
  /** The index of the chosen candidate. */
  readonly index: number;
  /**
   * The expected utility of each candidate, 0 to 1. With "aggregate" an approximation; with "prune" an
   * estimate from the candidates it was compared with before it was dropped or the choice was clear.
   */
  readonly expectedUtility: Float64Array;
}

/**
 * Expected utilities this close are a tie. It is far above the rounding of a sum and far below any
 * difference between texts, so the choice does not depend on the order in which utilities are added.
 */
const TIE = 1e-12;

/** Texts of which so many together have fewer words than the median one are not chosen. */
const SHORT_FACTOR = 3;

const expectations: Record<
  SelectionMethod,
  (compiled: CompiledCandidates, distinct: DistinctCandidates) => Expectation
> = {
  exact: exactExpectation,
  aggregate: aggregateExpectation,
  prune: prunedExpectation,
};

/** Whether a method works with a utility: "rouge-l" has no mean statistics to aggregate. */
export function supports(method: SelectionMethod, utility: UtilityName | Utility): boolean {
  return method !== "aggregate" || utilityOf(utility).compile([]).aggregate !== undefined;
}

function utilityOf(utility: UtilityName | Utility): Utility {
  return typeof utility === "string" ? utilities[utility] : utility;
}

/**
 * Selects one of the candidates; of several that tie the first. The choice and the expected utilities
 * are those of comparing each candidate with each other one, duplicates included.
 *
 * @param candidates at least one text
 * @throws UserError for an option or a name that there is not
 * @throws RangeError without candidates, with another number of weights than candidates, or for a
 *   method that does not support the utility
 */
export function select(
  candidates: readonly string[],
  options: SelectionOptions = {},
): Selection {
  checkSelectionOptions(options);
  const { utility = "bleu", method = "exact", weights } = options;
  const distinct = mergeDuplicates(candidates, weights);
  const { judgesLength = false } = utilityOf(utility);
  const compiled = utilityOf(utility).compile(distinct.texts);
  const expectation = expectations[method](compiled, distinct);

  const stubs = judgesLength ? distinct.texts.map(() => false) : stubsOf(distinct);
  const { groupOf, candidateWeights } = distinct;
  const expectedUtility = new Float64Array(candidates.length);
  let best = -Infinity;
  for (const [i, u] of groupOf.entries()) {
    expectedUtility[i] = expectation.of(u, candidateWeights[i]!);
    if (expectation.contends(u) && !stubs[u]) best = Math.max(best, expectedUtility[i]!);
  }
  const index = expectedUtility.findIndex((value, i) =>
    value >= best - TIE && expectation.contends(groupOf[i]!) && !stubs[groupOf[i]!]
  );
  return { index, expectedUtility };
}

/**
 * Which texts are next to nothing beside the others: no words, or less than a third of the median's.
 *
 * Utilities take a candidate for the reference, as the paper's script does. A smoothed precision of
 * the others against an empty reference is no worse than against a bad one, and nothing else is held
 * against it: of "", "a cat sat" and "a cat sits" the first would be chosen.
 */
function stubsOf({ texts, groupOf }: DistinctCandidates): readonly boolean[] {
  const lengths = texts.map((text) => words(text).length);
  const sorted = Array.from(groupOf, (group) => lengths[group]!).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  return lengths.map((length) => SHORT_FACTOR * length < median);
}
