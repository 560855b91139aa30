import { assert, assertEquals } from "@std/assert";
import { learnMerges, MIN_VOCAB_SIZE } from "../../src/text/learn_merges.ts";

Deno.test("learnMerges() prefers the pair of lower ids where counts are equal", () => {
  const { merges } = learnMerges(new Map([["zy", 2], ["ab", 2], ["az", 2]]), 262, 1);
  assertEquals(merges, [["a", "b"], ["a", "z"], ["z", "y"]]);
});

Deno.test("learnMerges() counts overlapping pairs as they are merged", () => {
  // In "aaaa" the pair (a, a) occurs three times but is merged twice.
  const { tokens, merges } = learnMerges(new Map([["aaaa", 1], ["bc", 2]]), 262, 1);
  assertEquals(merges, [["a", "a"], ["b", "c"], ["aa", "aa"]]);
  assert(tokens.includes("aaaa"));
});

Deno.test("learnMerges() makes no second token of the same text", () => {
  const { tokens, merges } = learnMerges(new Map([["<s>", 5]]), 270, 1);
  assertEquals(merges, [["<", "s"], ["<s", ">"]]);
  assertEquals(tokens.slice(MIN_VOCAB_SIZE), ["<s"]);
});
