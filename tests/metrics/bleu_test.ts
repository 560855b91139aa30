import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  bleuFromStatistics,
  bleuSignature,
  bleuStatistics,
  corpusBleu,
  describeBleu,
  sentenceBleu,
} from "../../src/metrics/bleu.ts";
import { readJsonFixture } from "./fixtures.ts";

interface Cases {
  corpus_bleu: {
    hypotheses: string[];
    reference_streams: string[][];
    expected: { "13a": number; none: number; intl: number; "13a_no_smoothing": number };
    expected_by_max_order: Record<string, number>;
  };
  ngram_statistics: {
    hypothesis: string;
    reference: string;
    correct: number[];
    total: number[];
    "floor_0.1_bleu_fraction": number;
  };
  bleu_from_statistics: {
    correct: number[];
    total: number[];
    sys_len: number;
    ref_len: number;
    bleu_fraction: number;
  };
}

const cases = await readJsonFixture<Cases>("sacrebleu_cases.json");
const { hypotheses, reference_streams: streams, ...corpus } = cases.corpus_bleu;
const references = hypotheses.map((_, k) => streams.map((stream) => stream[k]!));

Deno.test("corpusBleu() gives sacreBLEU's values for each tokenizer", () => {
  for (const tokenize of ["13a", "none", "intl"] as const) {
    const { score } = corpusBleu(hypotheses, references, { tokenize });
    assertAlmostEquals(score, corpus.expected[tokenize], 1e-6);
  }
  const unsmoothed = corpusBleu(hypotheses, references, { smoothMethod: "none" });
  assertAlmostEquals(unsmoothed.score, corpus.expected["13a_no_smoothing"], 1e-6);
});

Deno.test("corpusBleu() gives sacreBLEU's values for each maximum order", () => {
  for (const [order, expected] of Object.entries(corpus.expected_by_max_order)) {
    const { score } = corpusBleu(hypotheses, references, { maxOrder: Number(order) });
    assertAlmostEquals(score, expected, 0.005);
  }
});

Deno.test("corpusBleu() of empty hypotheses is 0", () => {
  const { score, precisions, brevityPenalty } = corpusBleu(["", ""], [["a b"], ["c", "d"]]);
  assertEquals([score, brevityPenalty], [0, 0]);
  assertEquals(precisions, [0, 0, 0, 0]);
});

Deno.test("bleuStatistics() counts clipped matches", () => {
  const { hypothesis, reference, correct, total } = cases.ngram_statistics;
  const statistics = bleuStatistics([hypothesis], [[reference]]);
  assertEquals([...statistics.row(0)], [6, 8, ...correct, ...total]);
});

Deno.test("bleuFromStatistics() gives sacreBLEU's value", () => {
  const { correct, total, sys_len, ref_len, bleu_fraction } = cases.bleu_from_statistics;
  const sums = Float64Array.from([sys_len, ref_len, ...correct, ...total]);
  assertAlmostEquals(bleuFromStatistics(sums).score / 100, bleu_fraction, 1e-9);
});

Deno.test("sentenceBleu() smooths by flooring", () => {
  const { hypothesis, reference, ...expected } = cases.ngram_statistics;
  const { score } = sentenceBleu(hypothesis, [reference], { smoothMethod: "floor" });
  assertAlmostEquals(score / 100, expected["floor_0.1_bleu_fraction"], 1e-9);
});

Deno.test("sentenceBleu() averages over the orders that a short sentence has", () => {
  assertAlmostEquals(sentenceBleu("two words", ["two words"]).score, 100, 1e-9);
  const { score } = sentenceBleu("two words", ["two words"], { effectiveOrder: false });
  assertEquals(score, 0);
});

Deno.test("corpusBleu() takes the closest reference length, the shorter of two", () => {
  const { referenceLength } = corpusBleu(["a b c d"], [["a b c d e", "a b c", "a"]]);
  assertEquals(referenceLength, 3);
});

Deno.test("corpusBleu() refuses what is not aligned", () => {
  assertThrows(() => corpusBleu(["a"], []), RangeError, "1 hypotheses with 0");
  assertThrows(() => corpusBleu(["a", "b"], [["a"], []]), RangeError, "segment 1");
  assertThrows(() => corpusBleu([], []), RangeError, "no segments");
});

Deno.test("describeBleu() prints what sacreBLEU prints after the score", () => {
  assertEquals(
    describeBleu(corpusBleu(hypotheses, references)),
    "82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)",
  );
});

Deno.test("bleuSignature() names everything that the score depends on", () => {
  assertEquals(
    bleuSignature(1),
    "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0-ardiff",
  );
  assertEquals(
    bleuSignature(
      "var",
      { lowercase: true, effectiveOrder: true, tokenize: "intl", smoothMethod: "add-k" },
      { resamples: 1000, seed: 12345 },
    ),
    "nrefs:var|bs:1000|seed:12345|case:lc|eff:yes|tok:intl|smooth:add-k[1.00]|version:2.6.0-ardiff",
  );
});
