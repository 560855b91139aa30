/** How the candidates of a line become its result. */
import { conceptsOf, coveredConcepts } from "../metrics/coverage.ts";
import type { UtilityName } from "../mbr/names.ts";
import type { Selection, SelectionOptions } from "../mbr/select.ts";
import type { Utility } from "../mbr/utilities/utility.ts";
import type { GenerationValues } from "./options.ts";
import type { Candidate } from "./sample.ts";
import type { WantedWords } from "./word_rule.ts";
import { needs, type Selector, SELECTOR_TABLE } from "./selectors.ts";

/** How a choice is made. */
export interface ChoiceOptions extends
  Pick<
    GenerationValues,
    "mbrMethod" | "confidenceWeight" | "lengthPenalty" | "forwardWeight" | "reverseWeight"
  > {
  /** Which candidate is the result. */
  readonly select: Selector;
  /** What MBR compares candidates by, by name or as given. */
  readonly utility: UtilityName | Utility;
  /** Whether utilities and confidences are wanted even where the choice does without them. */
  readonly scores?: boolean;
}

/** A candidate with its scores, as far as they were computed. */
export interface ScoredCandidate extends Candidate {
  /** Expected utility, 0 to 1, among the candidates of its line. */
  readonly utility?: number;
  /** The mean log-probability of the source's tokens, given the candidate, by a model that goes back. */
  readonly reverseLogProbability?: number;
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

/** Whether candidates must carry what a model from targets to sources says. */
export function needsReverse({ select }: ChoiceOptions): boolean {
  return needs(select, "reverse");
}

function needsUtility({ select, scores = false }: ChoiceOptions): boolean {
  return scores || needs(select, "utility");
}

/**
 * Scores the candidates of a line, at least one, and chooses; of several that tie the first.
 *
 * @param source the line
 * @param wanted words of which as many as can be are to stand in the result
 */
export async function choose(
  source: string,
  candidates: readonly ScoredCandidate[],
  options: ChoiceOptions,
  selectByUtility: SelectByUtility,
  wanted?: WantedWords,
): Promise<Choice> {
  const { select, utility, mbrMethod: method, lengthPenalty } = options;
  const texts = candidates.map(({ text }) => text);
  const selection = candidates.length > 1 && needsUtility(options)
    ? await selectByUtility(texts, { utility, method })
    : undefined;
  const scored = candidates.map((candidate, i) => ({
    ...candidate,
    ...(selection && { utility: selection.expectedUtility[i]! }),
  }));
  const covered = needs(select, "coverage") ? countCovered(source, texts) : [];
  // Words that were asked for go before whatever the choice goes by.
  const has = texts.map((text) => wanted?.countIn(text) ?? 0);
  const most = Math.max(...has);
  const eligible = [...has.keys()].filter((i) => has[i] === most);
  const place = SELECTOR_TABLE[select].choose({
    candidates: eligible.map((i) => ({
      ...scored[i]!,
      confidence: penalised(scored[i]!, lengthPenalty),
    })),
    mbr: selection &&
      (eligible.length === texts.length
        ? selection.index
        : bestOf(eligible.map((i) => selection.expectedUtility[i]!))),
    covered: covered.length > 0 ? eligible.map((i) => covered[i]!) : [],
    confidenceWeight: options.confidenceWeight,
    forwardWeight: options.forwardWeight,
    reverseWeight: options.reverseWeight,
  });
  return { candidates: scored, chosen: place === null ? null : eligible[place]! };
}

function bestOf(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
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
