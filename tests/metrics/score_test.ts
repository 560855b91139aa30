import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { METRICS } from "../../src/metrics/metric_names.ts";
import { sentenceBleu } from "../../src/metrics/bleu.ts";
import { sentenceChrf } from "../../src/metrics/chrf.ts";
import {
  formatReport,
  formatSegments,
  reportToJson,
  segmentSignatures,
} from "../../src/metrics/report.ts";
import { score } from "../../src/metrics/score.ts";
import { sentenceTer } from "../../src/metrics/ter.ts";

const input = {
  systems: [
    { name: "one", hypotheses: ["A dog runs after a ball.", "The child sat on the bench."] },
    { name: "two", hypotheses: ["A dog.", "The child sits there."] },
  ],
  references: [["A dog runs after the ball.", "The dog runs."], ["The child sat on a bench."]],
  sources: ["dog run ball", "child sit bench"],
};

Deno.test("score() computes every metric and says what it is", () => {
  const report = score(input, { metrics: METRICS });
  assertEquals(report.references, "var");
  for (const { scores } of report.systems) {
    assertEquals([...new Set(scores.map(({ metric }) => metric))], [...METRICS]);
    for (const { name, score, about, signature } of scores) {
      assertEquals(Number.isFinite(score) && score >= 0, true, name);
      assertEquals(about.length > 20, true, name);
      assertStringIncludes(signature, "version:");
    }
  }
});

Deno.test("score() gives intervals and p-values where scores are sums over segments", () => {
  const report = score(input, { metrics: METRICS, bootstrap: 20 });
  const [baseline, second] = report.systems;
  for (const [k, { metric, confidence, pValue }] of second!.scores.entries()) {
    const resampled = metric !== "distinct" && metric !== "self-bleu";
    assertEquals(confidence !== undefined, resampled, metric);
    assertEquals(pValue !== undefined, resampled, metric);
    assertEquals(baseline!.scores[k]!.pValue, undefined);
    assertEquals(second!.scores[k]!.signature.includes("bs:20"), resampled, metric);
  }
});

Deno.test("score() measures diversity among candidates where they are given", () => {
  const candidates = [["a b c d", "a b c d"], ["a b c d", "w x y z"]];
  const system = { name: "one", hypotheses: ["a b c d", "a b c d"], candidates };
  const [selfBleu, div4] =
    score({ systems: [system] }, { metrics: ["self-bleu"] }).systems[0]!.scores;
  assertEquals(Math.round(selfBleu!.score), 50);
  assertEquals(div4!.score, (1 / 2 + 1) / 2);
  assertStringIncludes(selfBleu!.signature, "set:candidates");
});

Deno.test("score() obeys the options of each metric", () => {
  const signatures = (options: Partial<Parameters<typeof score>[1]>) =>
    score(input, { metrics: METRICS, ...options }).systems[0]!.scores.map((s) => s.signature);
  const changed = signatures({
    tokenize: "intl",
    smooth: "floor",
    smoothValue: 0.2,
    lowercase: true,
    stem: true,
    rougeReferences: "average",
    chrfEpsSmoothing: true,
  }).join("\n");
  for (
    const field of ["tok:intl", "smooth:floor[0.20]", "case:lc", "stem:porter", "refs:average"]
  ) {
    assertStringIncludes(changed, field);
  }
  assertStringIncludes(changed, "eff:no|nc:6");
  assertEquals(signatures({}).join("\n").includes("tok:intl"), false);
});

Deno.test("score() gives the score of each segment by itself", () => {
  const metrics = ["bleu", "chrf", "ter", "rouge", "cider", "coverage"] as const;
  const { systems } = score(input, { metrics, sentenceLevel: true });
  const [, two] = systems;
  const segmentsOf = (name: string) => [...two!.scores.find((one) => one.name === name)!.segments!];
  const { hypotheses } = input.systems[1]!;
  const each = (measure: (hypothesis: string, references: readonly string[]) => number) =>
    hypotheses.map((text, k) => measure(text, input.references[k]!));
  assertEquals(segmentsOf("BLEU"), each((text, truths) => sentenceBleu(text, truths).score));
  assertEquals(segmentsOf("chrF2"), each((text, truths) => sentenceChrf(text, truths)));
  assertEquals(segmentsOf("TER"), each((text, truths) => sentenceTer(text, truths)));
  assertEquals(segmentsOf("Coverage").map(Math.round), [33, 67]);
  for (const name of ["ROUGE-L", "COCO BLEU-4", "CIDEr-D x10"]) {
    const segments = segmentsOf(name);
    const { score } = two!.scores.find((one) => one.name === name)!;
    if (name.startsWith("COCO")) continue; // no mean
    assertAlmostEquals(segments.reduce((a, b) => a + b) / 2, score, 1e-9);
  }
  assertStringIncludes(two!.scores[0]!.signature, "eff:yes");
  assertThrows(
    () => score(input, { metrics: ["self-bleu"], sentenceLevel: true }),
    RangeError,
    'by "self-bleu"',
  );
});

Deno.test("formatSegments() has a row a segment, and says whose scores they are", () => {
  const report = score(input, { metrics: ["bleu", "ter"], sentenceLevel: true });
  const rows = formatSegments(report).split("\n").map((line) => line.split("\t"));
  assertEquals(rows[0], ["line", "one BLEU", "one TER", "two BLEU", "two TER"]);
  assertEquals(rows.length, 4);
  assertEquals(rows[2]!.slice(0, 3), [
    "2",
    report.systems[0]!.scores[0]!.segments![1]!.toFixed(2),
    "16.67",
  ]);
  const [line] = segmentSignatures(report);
  assertStringIncludes(line!, "BLEU|nrefs:var");
  const json = JSON.parse(JSON.stringify(reportToJson(report)));
  assertEquals(json.systems[1].scores[0].segments.length, 2);
  assertEquals(json.systems[1].scores[0].score, undefined);
});

Deno.test("score() refuses metrics that lack what they need", () => {
  const { systems } = input;
  assertThrows(() => score({ systems }, { metrics: ["bleu"] }), RangeError, "needs references");
  assertThrows(() => score({ systems }, { metrics: ["coverage"] }), RangeError, "needs sources");
});

Deno.test("formatReport() has a row per metric, a column per system and the definitions", () => {
  const text = formatReport(score(input, { metrics: ["bleu", "cider"], bootstrap: 50 }));
  const lines = text.split("\n");
  assertEquals(lines[0]!.includes("2 segments; a varying number of references"), true);
  assertEquals(/^Metric +one +two$/.test(lines[2]!), true, lines[2]);
  assertEquals(
    /^BLEU +\d+\.\d\d ± \d+\.\d\d +\d+\.\d\d ± \d+\.\d\d \(p = [01]\.\d{4}\)$/.test(lines[3]!),
    true,
    lines[3],
  );
  assertStringIncludes(text, "COCO BLEU-1, COCO BLEU-2, COCO BLEU-3, COCO BLEU-4: corpus BLEU");
  assertStringIncludes(text, "  nrefs:var|bs:50|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp");
  assertStringIncludes(text, "  two: BLEU ");
});

Deno.test("reportToJson() keeps numbers unrounded and leaves statistics out", () => {
  const report = score(input, { metrics: ["bleu"], bootstrap: 10 });
  const json = JSON.parse(JSON.stringify(reportToJson(report)));
  assertEquals(Object.keys(json), ["segments", "references", "bootstrap", "systems"]);
  const [, second] = json.systems;
  assertEquals(Object.keys(second.scores[0]), [
    "metric",
    "name",
    "score",
    "signature",
    "details",
    "confidence",
    "pValue",
  ]);
  assertEquals(second.scores[0].score, report.systems[1]!.scores[0]!.score);
  assertEquals(second.scores[0].details.precisions.length, 4);
});
