import { assert, assertEquals } from "@std/assert";
import {
  guessTask,
  isWorthIt,
  largestFor,
  limitsFor,
  NETWORKS,
  quantile,
  recipeFor,
  updatesWithin,
  vocabularySize,
} from "../../../src/training/init/recipe.ts";
import type { SideSurvey, Survey } from "../../../src/training/init/survey.ts";

const SIDE: SideSurvey = {
  meanWords: 12,
  longestWords: 40,
  words: 12 * 29_000,
  distinctWords: 15_000,
  meanCharacters: 65,
  scripts: ["Latin"],
  sentenceShare: 1,
};

function survey(changes: Partial<Survey> = {}): Survey {
  return {
    pairs: 29_000,
    emptyPairs: 0,
    repeatedPairs: 0,
    distinctSources: 29_000,
    equalSides: 0,
    source: SIDE,
    target: SIDE,
    copiedShare: 0.05,
    sample: [],
    ...changes,
  };
}

Deno.test("guessTask() tells translations, summaries and descriptions apart", () => {
  assertEquals(guessTask(survey()), "translate");
  assertEquals(guessTask(survey({ source: { ...SIDE, meanCharacters: 2000 } })), "summarise");
  assertEquals(
    guessTask(survey({ source: { ...SIDE, sentenceShare: 0 }, copiedShare: 0.3 })),
    "describe",
  );
  assertEquals(guessTask(survey({ copiedShare: 0.7 })), "describe");
});

Deno.test("vocabularySize() grows with the text, and for words that are copied", () => {
  const sizeFor = (words: number, task: "translate" | "describe" = "translate") =>
    vocabularySize(survey({ source: { ...SIDE, words }, target: { ...SIDE, words } }), task);
  assertEquals([100, 10_000, 350_000, 1_000_000, 1e9].map((words) => sizeFor(words)), [
    500,
    500,
    5000,
    8000,
    16_000,
  ]);
  assertEquals(sizeFor(350_000, "describe"), 8000);
});

Deno.test("limitsFor() cuts few texts, and leaves room above short ones", () => {
  const lengths = Array.from({ length: 1000 }, (_, i) => 5 + i % 30);
  assertEquals(limitsFor({ sources: lengths, targets: [...lengths, 4000] }), {
    maxSourceTokens: 40,
    targetSlots: 48,
  });
  assertEquals(limitsFor({ sources: [2], targets: Array(9).fill(1000) }), {
    maxSourceTokens: 8,
    targetSlots: 256,
  });
});

Deno.test("quantile() is the smallest length that a share is no longer than", () => {
  assertEquals([0.1, 0.5, 0.51, 1].map((share) => quantile([4, 1, 3, 2], share)), [1, 2, 3, 4]);
});

Deno.test("updatesWithin() fills the time, but does not go over the data sixty times", () => {
  assertEquals(updatesWithin(10, 0.2, 29_000), 2700);
  assertEquals(updatesWithin(600, 0.2, 29_000), 27_000);
  assertEquals(updatesWithin(0.01, 5, 29_000), 1);
});

Deno.test("a network is worth its time from a number of updates on, the smallest always there", () => {
  assert(isWorthIt(2, 10, 0.3));
  assert(!isWorthIt(2, 10, 0.5));
  assert(isWorthIt(0, 0.01, 10));
  assertEquals([0, 6000, 60_000, 1e6].map((pairs) => NETWORKS[largestFor(pairs)]!.width), [
    96,
    128,
    192,
    256,
  ]);
});

Deno.test("recipeFor() follows the updates: warm-up, average, dropout, validations", () => {
  const recipe = (updates: number, hasDevelopmentSet = true) =>
    recipeFor({
      survey: survey(),
      task: "translate",
      size: NETWORKS[2],
      updates,
      vocabularySize: 5000,
      limits: { maxSourceTokens: 48, targetSlots: 40 },
      hasDevelopmentSet,
    });
  const [short, usual, long] = [recipe(30), recipe(2500), recipe(20_000)];
  assertEquals([short, usual, long].map(({ warmupSteps }) => warmupSteps), [3, 200, 200]);
  assertEquals([short, usual, long].map(({ averageDecay }) => averageDecay), [0.9, 0.996, 0.999]);
  assertEquals([short, usual, long].map(({ dropout }) => dropout), [0.05, 0.1, 0.3]);
  assertEquals([short, usual, long].map(({ every }) => every), [8, 625, 5000]);
  assertEquals([usual.maxPositions, usual.preset, usual.holdOut], [48, "cpu-small", undefined]);
  assertEquals(recipe(30, false).holdOut, 0.021);
});
