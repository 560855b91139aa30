import { assertAlmostEquals, assertEquals } from "@std/assert";
import { chrfName, chrfSignature, corpusChrf, sentenceChrf } from "../../src/metrics/chrf.ts";
import { readJsonFixture } from "./fixtures.ts";

Deno.test("sentenceChrf() gives sacreBLEU's values", async () => {
  const { sentence_chrf: cases } = await readJsonFixture<
    { sentence_chrf: [string, string, number][] }
  >("sacrebleu_cases.json");
  assertEquals(cases.length, 3);
  for (const [hypothesis, reference, expected] of cases) {
    const score = sentenceChrf(hypothesis, [reference], { epsSmoothing: true });
    assertAlmostEquals(score, expected, 1e-7);
  }
});

Deno.test("sentenceChrf() of the reference itself is 100", () => {
  assertAlmostEquals(sentenceChrf("niño 😀", ["x", "niño 😀"]), 100, 1e-9);
});

Deno.test("sentenceChrf() counts characters, not UTF-16 units", () => {
  // Two of three characters match, and one of two pairs; no common surrogates are credited.
  const score = sentenceChrf("ab😀", ["ab😁"], { charOrder: 2, beta: 1 });
  assertAlmostEquals(score, 100 * (2 / 3 + 1 / 2) / 2, 1e-9);
});

Deno.test("corpusChrf() ignores whitespace unless told otherwise", () => {
  assertAlmostEquals(corpusChrf(["a bc"], [["ab c"]]), 100, 1e-9);
  assertEquals(corpusChrf(["a bc"], [["ab c"]], { whitespace: true }) < 100, true);
});

Deno.test("corpusChrf() of empty texts is 0", () => {
  assertEquals(corpusChrf(["", "a"], [["b"], [""]], { wordOrder: 2 }), 0);
});

Deno.test("chrfName() and chrfSignature() tell the variants apart", () => {
  assertEquals(chrfName({ wordOrder: 2 }), "chrF2++");
  assertEquals(
    chrfSignature(2, { wordOrder: 2, epsSmoothing: true, whitespace: true }),
    "nrefs:2|case:mixed|eff:no|nc:6|nw:2|space:yes|version:2.6.0-ardiff",
  );
});
