import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import {
  corpusRouge,
  RougeScorer,
  rougeSignature,
  type RougeVariant,
} from "../../src/metrics/rouge.ts";
import { readFixture, readLinesFixture } from "./fixtures.ts";

Deno.test("RougeScorer.score() gives the values of ROUGE-1.5.5", async () => {
  const rows = (await readLinesFixture("rouge155_expected.tsv")).slice(1);
  assertEquals(rows.length, 11);
  for (const row of rows) {
    const [variant, line, stemmed, recall, precision, f1] = row.split("\t");
    const text = async (name: string) =>
      line === "multi.0"
        ? await readFixture(`rouge155_${name}_multi.0.txt`)
        : (await readLinesFixture(`rouge155_${name}.txt`))[Number(line)]!;
    const scorer = new RougeScorer({ stem: stemmed === "1" });
    const scores = scorer.score(await text("target"), await text("prediction"));
    const score = scores[variant as RougeVariant];
    assertAlmostEquals(score.recall, Number(recall), 0.000006);
    assertAlmostEquals(score.precision, Number(precision), 0.000006);
    assertAlmostEquals(score.f1, Number(f1), 0.000006);
  }
});

Deno.test("RougeScorer.score() splits sentences at the separator, which is no word", () => {
  const scorer = new RougeScorer({ sentenceSeparator: "<q>" });
  const { rougeL, rougeLsum, rouge1 } = scorer.score("a b<q>c d", "c d<q>a b");
  assertEquals(rouge1.f1, 1);
  assertEquals(rougeL.f1, 0.5);
  assertEquals(rougeLsum.f1, 1);
});

Deno.test("RougeScorer.score() of texts without words is 0", () => {
  const { rouge1, rougeL, rougeLsum } = new RougeScorer().score("", "我们 !");
  for (const score of [rouge1, rougeL, rougeLsum]) {
    assertEquals(score, { precision: 0, recall: 0, f1: 0 });
  }
});

Deno.test("RougeScorer.score() stems words of four letters and more", () => {
  const stemmed = new RougeScorer({ stem: true });
  assertEquals(stemmed.score("running dogs", "runs dog").rouge1.f1, 1);
  assertEquals(stemmed.score("was", "wa").rouge1.f1, 0);
});

Deno.test("corpusRouge() takes the best reference of each segment, or all pairs", () => {
  const hypotheses = ["a b", "c"];
  const references = [["a b", "x y", "a x"], ["c"]];
  assertEquals(corpusRouge(hypotheses, references).rouge1.f1, 1);
  const average = corpusRouge(hypotheses, references, { references: "average" });
  assertAlmostEquals(average.rouge1.f1, (1 + 0 + 0.5 + 1) / 4, 1e-12);
});

Deno.test("corpusRouge() compares words of all scripts where it is told to", () => {
  const scores = (tokenize: "alnum" | "unicode") =>
    corpusRouge(["我喜欢吃苹果 ABC", "été"], [["我爱吃苹果 ABC"], ["été"]], { tokenize });
  assertEquals(scores("alnum").rouge1.f1, 1); // of "abc" and "t" alone
  const { precision, recall } = scores("unicode").rouge1;
  assertAlmostEquals(precision, (5 / 7 + 1) / 2, 1e-12);
  assertAlmostEquals(recall, (5 / 6 + 1) / 2, 1e-12);
});

Deno.test("corpusRouge() refuses sentences whose table of common words would not fit", () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => `w${i}`);
  const long = words(250_000).join(" ");
  assertThrows(
    () => corpusRouge([long], [[long]]),
    UserError,
    "Cannot compute ROUGE-Lsum of a sentence of 250000 words and one of 250000: put each sentence",
  );
  // The same words, a sentence to a hundred.
  const split = words(20_000).map((word, i) => i % 100 === 0 ? `\n${word}` : word).join(" ");
  assertEquals(corpusRouge([split], [[split]]).rougeLsum.f1, 1);
});

Deno.test("rougeSignature() names everything that the scores depend on", () => {
  assertEquals(
    rougeSignature("var", { stem: true, references: "average" }),
    "nrefs:var|case:lc|tok:alnum|stem:porter|refs:average|sents:lf|version:rouge_score-0.1.2-ardiff",
  );
  assertStringIncludes(rougeSignature(1, { tokenize: "unicode" }), "tok:unicode");
});
