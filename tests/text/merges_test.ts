import { assertEquals } from "@std/assert";
import { MergeTable, type TokenPair } from "../../src/text/merges.ts";
import { parseTokenizerFile } from "../../src/text/tokenizer_file.ts";

/** A table over single letters and what the pairs make of them, and how it splits a word. */
function mergesOf(pairs: readonly TokenPair[]): (word: string) => string[] {
  const tokens = new Set([..."abcd", ...pairs.map(([left, right]) => left + right)]);
  const vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const json = JSON.stringify({ model: { type: "BPE", vocab, merges: pairs } });
  const file = parseTokenizerFile(json, "test");
  const table = new MergeTable(pairs, file);
  return (word) =>
    table.apply([...word].map((letter) => file.idOf.get(letter)!)).map((id) => file.tokens[id]!);
}

Deno.test("MergeTable.apply() merges by rank, not by place", () => {
  const split = mergesOf([["b", "c"], ["a", "b"]]);
  assertEquals(split("abc"), ["a", "bc"]);
  assertEquals(split("abab"), ["ab", "ab"]);
});

Deno.test("MergeTable.apply() takes the leftmost of equal pairs", () => {
  const split = mergesOf([["a", "a"]]);
  assertEquals(split("aaa"), ["aa", "a"]);
  assertEquals(split("aaaab"), ["aa", "aa", "b"]);
});

Deno.test("MergeTable.apply() merges what merges have made", () => {
  const split = mergesOf([["a", "b"], ["c", "d"], ["ab", "cd"], ["abcd", "abcd"]]);
  assertEquals(split("abcdabcdab"), ["abcdabcd", "ab"]);
  assertEquals(split(""), []);
  assertEquals(split("d"), ["d"]);
});

Deno.test("MergeTable.apply() agrees with merging one pair at a time, on long words", () => {
  const pairs: TokenPair[] = [["a", "b"], ["b", "a"], ["ab", "ab"], ["ba", "c"], ["ab", "c"]];
  const split = mergesOf(pairs);
  const word = Array.from({ length: 2000 }, (_, i) => "abc"[(i * i + (i >> 3)) % 3]).join("");
  let slow = [...word];
  for (;;) {
    const ranks = slow.map((left, place) =>
      pairs.findIndex((pair) => pair[0] === left && pair[1] === slow[place + 1])
    );
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    if (best === Infinity) break;
    const place = ranks.indexOf(best);
    slow = [...slow.slice(0, place), pairs[best]!.join(""), ...slow.slice(place + 2)];
  }
  assertEquals(split(word), slow);
});
