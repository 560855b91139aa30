import { assertAlmostEquals, assertEquals } from "@std/assert";
import { corpusTer, sentenceTer, terSignature, terStatistics } from "../../src/metrics/ter.ts";

/** Edits between two lines of words. */
function edits(hypothesis: string, reference: string): number {
  return terStatistics([hypothesis], [[reference]]).row(0)[0]!;
}

Deno.test("terStatistics() counts insertions, deletions and substitutions", () => {
  assertEquals(edits("a b c", "a b c"), 0);
  assertEquals(edits("a c", "a b c"), 1);
  assertEquals(edits("a b b c", "a b c"), 1);
  assertEquals(edits("a x c", "a b c"), 1);
  assertEquals(edits("", "a b c"), 3);
  assertEquals(edits("a b c", ""), 3);
});

Deno.test("terStatistics() counts the shift of a block as one edit", () => {
  assertEquals(edits("d e a b c", "a b c d e"), 1);
  assertEquals(edits("this is a long b c d story", "b c d this is a long story"), 1);
});

Deno.test("terStatistics() finds a shift by 50 words and none farther", () => {
  const words = Array.from({ length: 80 }, (_, k) => `w${k}`);
  const shifted = (distance: number) =>
    [...words.slice(2, 2 + distance), ...words.slice(0, 2), ...words.slice(2 + distance)].join(" ");
  assertEquals(edits(shifted(50), words.join(" ")), 1);
  assertEquals(edits(shifted(51), words.join(" ")), 4);
});

Deno.test("terStatistics() takes the fewest edits and the mean reference length", () => {
  const statistics = terStatistics(["a b c"], [["a b c d", "x", "a b"]]);
  assertEquals([...statistics.row(0)], [1, 7 / 3]);
});

Deno.test("terStatistics() tokenizes references twice as sacreBLEU does", () => {
  assertEquals([...terStatistics([",.2"], [[",.2"]], { normalized: true }).row(0)], [2, 3]);
  assertEquals([...terStatistics([",.2"], [[",.2"]]).row(0)], [0, 1]);
});

Deno.test("corpusTer() divides all edits by all reference words", () => {
  assertAlmostEquals(corpusTer(["a b", "c"], [["a x"], ["c d e"]]), 100 * 3 / 5, 1e-9);
});

Deno.test("sentenceTer() of empty references is 100, or 0 where both sides are empty", () => {
  assertEquals(sentenceTer("a", [""]), 100);
  assertEquals(sentenceTer("", [""]), 0);
});

Deno.test("terSignature() names everything that the score depends on", () => {
  assertEquals(
    terSignature(1, { normalized: true, noPunct: true }),
    "nrefs:1|case:lc|tok:tercom|norm:yes|punct:no|asian:no|version:2.6.0-ardiff",
  );
});
