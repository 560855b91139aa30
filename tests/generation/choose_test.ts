import { WantedWords } from "../../src/generation/word_rule.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type ChoiceOptions, choose, needsConfidence } from "../../src/generation/choose.ts";
import { GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import { select } from "../../src/mbr/select.ts";

const OPTIONS: ChoiceOptions = { ...GENERATION_DEFAULTS, select: "mbr", utility: "token-f1" };

const CANDIDATES = [
  { text: "something else altogether", calls: 1, logProbability: -0.1 },
  { text: "a man walks", calls: 1, logProbability: -2 },
  { text: "a man walks home", calls: 1, logProbability: -1.5 },
];

const byUtility = (...request: Parameters<typeof select>) => Promise.resolve(select(...request));

async function chosen(options: Partial<ChoiceOptions>): Promise<number | null> {
  return (await choose("walk home", CANDIDATES, { ...OPTIONS, ...options }, byUtility)).chosen;
}

Deno.test("choose() follows each selector", async () => {
  assertEquals(await chosen({ select: "first" }), 0);
  assertEquals(await chosen({ select: "confidence" }), 0);
  assertEquals(await chosen({ select: "mbr" }), 1);
  assertEquals(await chosen({ select: "coverage" }), 2);
  assertEquals(await chosen({ select: "all" }), null);
});

Deno.test("choose() by coverage takes the surest of those that use most of the source", async () => {
  const candidates = [
    { text: "Dogs bark.", calls: 1, logProbability: -0.1 },
    { text: "The dogs catch the balls.", calls: 1, logProbability: -2 },
    { text: "A dog caught a ball.", calls: 1, logProbability: -1 },
    { text: "A ball, a dog.", calls: 1, logProbability: -0.5 },
  ];
  const options: ChoiceOptions = { ...OPTIONS, select: "coverage" };
  const chosenOf = async (source: string) =>
    (await choose(source, candidates, options, byUtility)).chosen;
  assertEquals(await chosenOf("dog catch ball"), 2);
  assertEquals(await chosenOf("dog ball"), 3);
  assertEquals(await chosenOf("cat"), 0);
});

Deno.test("choose() mixes utility and confidence by weight", async () => {
  assertEquals(await chosen({ select: "mixture", confidenceWeight: 0 }), 1);
  assertEquals(await chosen({ select: "mixture", confidenceWeight: 0.3 }), 2);
  assertEquals(await chosen({ select: "mixture", confidenceWeight: 1 }), 0);
});

Deno.test("choose() scores candidates by the others", async () => {
  const { candidates } = await choose(
    "walk home",
    CANDIDATES,
    { ...OPTIONS, select: "all", scores: true },
    byUtility,
  );
  assertAlmostEquals(candidates[1]!.utility!, 6 / 7 / 2, 1e-12);
  assertEquals(candidates.map(({ logProbability }) => logProbability), [-0.1, -2, -1.5]);
});

Deno.test("choose() computes no utilities that nobody asked for", async () => {
  const fail = () => Promise.reject(new Error("asked"));
  for (const selector of ["first", "confidence", "coverage", "all"] as const) {
    const { candidates } = await choose(
      "walk home",
      CANDIDATES,
      { ...OPTIONS, select: selector },
      fail,
    );
    assertEquals(candidates, CANDIDATES);
  }
  const lone = await choose(
    "walk home",
    CANDIDATES.slice(0, 1),
    { ...OPTIONS, scores: true },
    fail,
  );
  assertEquals(lone, { candidates: CANDIDATES.slice(0, 1), chosen: 0 });
});

Deno.test("needsConfidence() tells who goes by it", () => {
  const needs = (options: Partial<ChoiceOptions>) => needsConfidence({ ...OPTIONS, ...options });
  assertEquals([needs({}), needs({ select: "first" }), needs({ select: "all" })], [
    false,
    false,
    false,
  ]);
  assertEquals(
    [
      needs({ select: "confidence" }),
      needs({ select: "mixture" }),
      needs({ select: "coverage" }),
      needs({ scores: true }),
    ],
    [true, true, true, true],
  );
});

Deno.test("choose() goes by the sum of log-probabilities by a power of the number of tokens", async () => {
  const list = [
    { text: "short", logProbability: -1, length: 2, calls: 1 },
    { text: "a longer one", logProbability: -0.8, length: 4, calls: 1 },
  ];
  const by = async (lengthPenalty: number) => {
    const options: ChoiceOptions = { ...OPTIONS, select: "confidence", lengthPenalty };
    return (await choose("", list, options, never)).chosen;
  };
  assertEquals([await by(1), await by(0), await by(2)], [1, 0, 1]);
});

Deno.test("choose() reranks by both directions, with their weights", async () => {
  const list = [
    { text: "a", logProbability: -1, length: 3, reverseLogProbability: -3, calls: 1 },
    { text: "b", logProbability: -2, length: 3, reverseLogProbability: -1, calls: 1 },
  ];
  const by = async (forwardWeight: number, reverseWeight: number) => {
    const options: ChoiceOptions = { ...OPTIONS, select: "rerank", forwardWeight, reverseWeight };
    return (await choose("", list, options, never)).chosen;
  };
  assertEquals([await by(1, 1), await by(1, 0), await by(3, 1)], [1, 0, 0]);
});

Deno.test("choose() takes of the candidates with most of the words asked for", async () => {
  const list = [
    { text: "a red sky", logProbability: -1, length: 3, calls: 1 },
    { text: "dogs run in the sky", logProbability: -3, length: 5, calls: 1 },
    { text: "the dog runs", logProbability: -2, length: 3, calls: 1 },
  ];
  const words = new WantedWords(["Dog", "run"]);
  for (const [select, expected] of [["first", 1], ["confidence", 2], ["all", null]] as const) {
    const { chosen } = await choose("", list, { ...OPTIONS, select }, never, words);
    assertEquals(chosen, expected, select);
  }
});

function never(): Promise<never> {
  return Promise.reject(new Error("no utility is asked for"));
}
