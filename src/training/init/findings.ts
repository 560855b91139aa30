/** What `ardiff init` tells of the data and of what a run will cost, in sentences. */
import { amount, count } from "./configuration.ts";
import type { Cost } from "./measure.ts";
import { BATCH_SIZE, type Recipe, type TokenLengths } from "./recipe.ts";
import type { SideSurvey, Survey } from "./survey.ts";

/** By the clock, so many times what the processors took: others use them. */
const BUSY = 1.3;
/** Below this, words of other texts are hardly known. */
const FEW_PAIRS = 5000;
/** Below this, a network has hardly begun to use its source. */
const FEW_UPDATES = 800;

/** What the data are. */
export function describeData(survey: Survey, { sources, targets }: TokenLengths): string[] {
  const { pairs, emptyPairs, repeatedPairs, distinctSources, equalSides } = survey;
  const notes = [
    emptyPairs > 0 ? `${count(emptyPairs)} more have an empty side` : "",
    repeatedPairs > 0 ? `${count(repeatedPairs)} stand there again` : "",
    equalSides > 0 ? `${count(equalSides)} have twice the same text` : "",
  ].filter((note) => note !== "");
  return [
    `${count(pairs)} pairs of ${count(distinctSources)} different sources${
      notes.map((note) => `; ${note}`).join("")
    }.`,
    describeSide("Sources", survey.source, sources),
    describeSide("Targets", survey.target, targets),
    `Of a source's words ${percent(survey.copiedShare)} stand in its target.`,
  ];
}

function describeSide(name: string, side: SideSurvey, tokens: ArrayLike<number>): string {
  const mean = Array.from(tokens).reduce((sum, length) => sum + length, 0) / tokens.length;
  return `${name}: ${side.meanWords.toFixed(1)} words on average, ${count(side.longestWords)} at ` +
    `most, ${mean.toFixed(1)} tokens; ${count(side.distinctWords)} different words; ` +
    `${side.scripts.join(", ") || "no"} letters.`;
}

/** What a run will cost. */
export function describeCost(
  { updates, epochs }: Pick<Recipe, "updates" | "epochs">,
  { secondsPerUpdate, secondsByClock, updates: timed, parameters, peakBytes }: Cost,
): string[] {
  const minutes = (seconds: number) => amount(updates * seconds / 60);
  return [
    `An update of ${BATCH_SIZE} pairs takes ${amount(1000 * secondsPerUpdate)} ms here: ` +
    `${timed} real ones were timed.`,
    `${count(updates)} updates see every pair ${amount(epochs)} times in about ` +
    `${minutes(secondsPerUpdate)} minutes, and validations take some more.`,
    ...secondsByClock > BUSY * secondsPerUpdate
      ? [
        `The machine does other work at present: ${amount(1000 * secondsByClock)} ms by the ` +
        `clock, and ${minutes(secondsByClock)} minutes if that goes on.`,
      ]
      : [],
    `${count(parameters)} parameters: a model of ${
      amount(parameters * 2 / 1e6)
    } MB; training takes ${count(peakBytes / 1e6)} MB of memory, and its text.`,
  ];
}

/** What should make one think again. */
export function warnings(
  survey: Survey,
  { updates, limits }: Pick<Recipe, "updates" | "limits">,
  { sources, targets }: TokenLengths,
): string[] {
  const cut = Array.from(sources).filter((length) => length > limits.maxSourceTokens).length +
    Array.from(targets).filter((length) => length > limits.targetSlots).length;
  return [
    ...survey.pairs < FEW_PAIRS
      ? [
        `${
          count(survey.pairs)
        } pairs are few: expect words and phrases of theirs, and little sense.`,
      ]
      : [],
    ...updates < FEW_UPDATES
      ? [`${count(updates)} updates are few: give it more --minutes for texts that one recognises.`]
      : [],
    ...survey.emptyPairs > 0.05 * survey.pairs
      ? ["Many pairs have an empty side: do the two files belong together?"]
      : [],
    ...survey.equalSides > 0.3 * survey.pairs
      ? ["Many pairs have the same text on both sides: a model of them learns to repeat."]
      : [],
    ...cut > 0.002 * (sources.length + targets.length)
      ? [`${percent(cut / (sources.length + targets.length))} of the texts are cut.`]
      : [],
  ];
}

function percent(share: number): string {
  return `${amount(100 * share)} %`;
}
