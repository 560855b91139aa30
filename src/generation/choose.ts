/** How the candidates of a line become its result. */
import { conceptsOf, coveredConcepts } from "../metrics/coverage.ts";
import type { Selection, SelectionMethod, SelectionOptions } from "../mbr/select.ts";
import type { UtilityName } from "../mbr/utilities/mod.ts";
import type { Utility } from "../mbr/utilities/utility.ts";
import { CONFIDENCE_WEIGHT } from "./choices.ts";
import type { Candidate } from "./sample.ts";

/**
 * Which candidate is chosen:
 *
 * - `mbr`: the one of the greatest expected utility (SPEC 6);
 * - `first`: the first;
 * - `confidence`: the one the model is surest of;
 * - `mixture`: a weighted mean of both, see {@linkcode ChoiceOptions.confidenceWeight};
 * - `coverage`: of those that use most of the source's words, in any inflection, the one the model is
 *   surest of;
 * - `all`: none, all are results.
 */
export const SELECTORS = ["mbr", "first", "confidence", "mixture", "coverage", "all"] as const;

/** One of {@linkcode SELECTORS}. */
export type Selector = typeof SELECTORS[number];

/** How a choice is made. */
export interface ChoiceOptions {
  /** Which candidate is the result. */
  readonly select: Selector;
  /** What MBR compares candidates by, by name or as given. */
  readonly utility: UtilityName | Utility;
  /** How expected utilities are found. */
  readonly mbrMethod: SelectionMethod;
  /**
   * w in the mixture's score (1 - w) utility + w exp(mean log-probability), from 0 to 1. Both terms
   * lie between 0 and 1: the second is the geometric mean of the tokens' probabilities. Default
   * {@linkcode CONFIDENCE_WEIGHT}.
   */
  readonly confidenceWeight?: number;
  /** Whether utilities and confidences are wanted even where the choice does without them. */
  readonly scores?: boolean;
}

/** A candidate with its scores, as far as they were computed. */
export interface ScoredCandidate extends Candidate {
  /** Expected utility, 0 to 1, among the candidates of its line. */
  readonly utility?: number;
}

/** The outcome for a line. */
interface Choice {
  readonly candidates: readonly ScoredCandidate[];
  /** Index of the chosen candidate, null where all are results. */
  readonly chosen: number | null;
}

/** Selects by minimum Bayes risk, wherever that is done. */
export type SelectByUtility = (
  texts: readonly string[],
  options: SelectionOptions,
) => Promise<Selection>;

/** Whether candidates must carry the model's confidence. */
export function needsConfidence({ select, scores = false }: ChoiceOptions): boolean {
  return scores || select === "confidence" || select === "mixture" || select === "coverage";
}

function needsUtility({ select, scores = false }: ChoiceOptions): boolean {
  return scores || select === "mbr" || select === "mixture";
}

/**
 * Scores the candidates of a line, at least one, and chooses; of several that tie the first.
 *
 * @param source the line
 */
export async function choose(
  source: string,
  candidates: readonly Candidate[],
  options: ChoiceOptions,
  selectByUtility: SelectByUtility,
): Promise<Choice> {
  if (candidates.length === 1 || !needsUtility(options)) {
    return { candidates, chosen: chooseByConfidence(source, candidates, options) };
  }
  const { utility, mbrMethod: method } = options;
  const texts = candidates.map(({ text }) => text);
  const { index, expectedUtility } = await selectByUtility(texts, { utility, method });
  const scored = candidates.map((candidate, i) => ({
    ...candidate,
    utility: expectedUtility[i]!,
  }));
  const chosen = options.select === "mbr" ? index : chooseByConfidence(source, scored, options);
  return { candidates: scored, chosen };
}

/** The choice once utilities are known, where there are any. */
function chooseByConfidence(
  source: string,
  candidates: readonly ScoredCandidate[],
  { select, confidenceWeight: weight = CONFIDENCE_WEIGHT }: ChoiceOptions,
): number | null {
  switch (select) {
    case "all":
      return null;
    case "confidence":
      return best(candidates, ({ logProbability }) => logProbability!);
    case "mixture":
      return best(
        candidates,
        ({ utility = 0, logProbability }) =>
          (1 - weight) * utility + weight * Math.exp(logProbability!),
      );
    case "coverage": {
      const concepts = conceptsOf(source);
      const covered = candidates.map(({ text }) => coveredConcepts(concepts, text).length);
      const most = Math.max(...covered);
      return best(
        candidates,
        ({ logProbability }, i) => covered[i] === most ? logProbability! : -Infinity,
      );
    }
    default:
      return 0;
  }
}

function best<T>(items: readonly T[], score: (item: T, index: number) => number): number {
  const scores = items.map(score);
  return scores.indexOf(Math.max(...scores));
}
