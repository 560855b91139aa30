/** How the candidates of a line become its result. */
import { conceptsOf, coveredConcepts } from "../metrics/coverage.ts";
import type { UtilityName } from "../mbr/names.ts";
import type { Selection, SelectionOptions } from "../mbr/select.ts";
import type { Utility } from "../mbr/utilities/utility.ts";
import type { GenerationValues } from "./options.ts";
import type { Candidate } from "./sample.ts";
import { needs, SELECTOR_TABLE } from "./selectors.ts";

/** How a choice is made. */
export interface ChoiceOptions
  extends Pick<GenerationValues, "select" | "mbrMethod" | "confidenceWeight" | "lengthPenalty"> {
  /** What MBR compares candidates by, by name or as given. */
  readonly utility: UtilityName | Utility;
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
  return scores || needs(select, "confidence");
}

function needsUtility({ select, scores = false }: ChoiceOptions): boolean {
  return scores || needs(select, "utility");
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
  const { select, utility, mbrMethod: method, confidenceWeight, lengthPenalty } = options;
  const texts = candidates.map(({ text }) => text);
  const selection = candidates.length > 1 && needsUtility(options)
    ? await selectByUtility(texts, { utility, method })
    : undefined;
  const scored = candidates.map((candidate, i) => ({
    ...candidate,
    ...(selection && { utility: selection.expectedUtility[i]! }),
  }));
  const chosen = SELECTOR_TABLE[select].choose({
    candidates: scored.map((candidate) => ({
      ...candidate,
      confidence: penalised(candidate, lengthPenalty),
    })),
    mbr: selection?.index,
    covered: needs(select, "coverage") ? countCovered(source, texts) : [],
    confidenceWeight,
  });
  return { candidates: scored, chosen };
}

/** The sum of a candidate's log-probabilities by a power of the number of its tokens. */
function penalised({ logProbability = NaN, length = 1 }: Candidate, lengthPenalty: number): number {
  return logProbability * length ** (1 - lengthPenalty);
}

/** How many of the source's words each text uses. */
function countCovered(source: string, texts: readonly string[]): number[] {
  const concepts = conceptsOf(source);
  return texts.map((text) => coveredConcepts(concepts, text).length);
}
