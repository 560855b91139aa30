import { assert, assertEquals } from "@std/assert";
import { Surveyor, wordsToLearn } from "../../../src/training/init/survey.ts";
import { ScriptCounter } from "../../../src/training/init/writing.ts";

function surveyOf(pairs: readonly (readonly [string, string])[]) {
  const surveyor = new Surveyor();
  for (const [source, target] of pairs) surveyor.add({ source, target });
  return surveyor.survey();
}

Deno.test("a survey counts pairs, those without text, those there twice and those of equal sides", () => {
  const survey = surveyOf([
    ["a b", "c d e"],
    ["a b", "c d e"],
    ["a b", "f"],
    ["", "g"],
    ["h", "  "],
    ["x", "x"],
  ]);
  assertEquals(
    [survey.pairs, survey.emptyPairs, survey.repeatedPairs, survey.distinctSources],
    [4, 2, 1, 2],
  );
  assertEquals(survey.equalSides, 1);
  assertEquals(survey.source.meanWords, 7 / 4);
  assertEquals([survey.target.longestWords, survey.target.words], [3, 8]);
  assertEquals(survey.target.distinctWords, 5);
  assertEquals(survey.sample.length, 4);
});

Deno.test("a survey's share of copied words leaves case and marks aside", () => {
  const { copiedShare } = surveyOf([
    ["dog, ball", "The Dog catches a ball."],
    ["dog cat", "A bird."],
  ]);
  assertEquals(copiedShare, 0.5);
});

Deno.test("a survey's sample is spread over all pairs", () => {
  const { sample, pairs } = surveyOf(
    Array.from({ length: 50_000 }, (_, i) => [`s ${i}`, `t ${i}`] as const),
  );
  assertEquals(pairs, 50_000);
  assert(sample.length >= 10_000 && sample.length < 20_000, `${sample.length}`);
  assertEquals(sample.slice(0, 3).map(({ source }) => source), ["s 0", "s 4", "s 8"]);
  assertEquals(sample.at(-1)!.source, "s 49996");
});

Deno.test("a survey tells scripts, and counts words where no spaces part them", () => {
  const { source, target } = surveyOf([
    ["Привет, мир.", "こんにちは世界。"],
    ["Где вокзал?", "駅はどこですか。"],
  ]);
  assertEquals(source.scripts, ["Cyrillic"]);
  assertEquals(target.scripts, ["Hiragana", "Han"]);
  assertEquals(source.sentenceShare, 1);
  assertEquals(target.sentenceShare, 1);
  assertEquals(wordsToLearn(source), 4);
  assertEquals(wordsToLearn(target), 8);
});

Deno.test("ScriptCounter leaves out what is no letter, and names seldom ones in a share alone", () => {
  const counter = new ScriptCounter();
  counter.add("abc 123 !? é");
  counter.add("ж");
  assertEquals(counter.atLeast(0), ["Latin", "Cyrillic"]);
  assertEquals(counter.atLeast(0.3), ["Latin"]);
  assertEquals(new ScriptCounter().atLeast(0), []);
});
