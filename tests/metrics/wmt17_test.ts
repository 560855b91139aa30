/** Three systems of WMT17: scores, intervals and p-values as sacreBLEU gives them. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { score } from "../../src/metrics/score.ts";
import { scoreLine } from "../../src/metrics/report.ts";
import { readJsonFixture } from "./fixtures.ts";

interface Recorded {
  references: string[];
  systems: {
    name: string;
    hypotheses: string[];
    scores: Record<string, {
      signature: string;
      /** "BLEU = 22.67 56.2/28.7/... (BP = ...)" */
      line: string;
      score: number;
      mean: number;
      ci: number;
      p_value: number | null;
    }>;
  }[];
}

const { references, systems } = await readJsonFixture<Recorded>("wmt17_en_de.json");
const report = score(
  { systems, references: references.map((reference) => [reference]) },
  { metrics: ["bleu", "chrf", "ter"], bootstrap: 300 },
);

Deno.test("score() gives sacreBLEU's scores, intervals and p-values on WMT17", () => {
  assertEquals(report.systems.length, 3);
  for (const [k, { scores }] of report.systems.entries()) {
    assertEquals(scores.map(({ name }) => name), ["BLEU", "chrF2", "chrF2++", "TER"]);
    for (const ours of scores) {
      const expected = systems[k]!.scores[ours.name]!;
      assertAlmostEquals(ours.score, expected.score, 1e-7);
      // sacreBLEU resamples in float32.
      assertAlmostEquals(ours.confidence!.mean, expected.mean, 1e-4);
      assertAlmostEquals(ours.confidence!.halfWidth, expected.ci, 1e-4);
      assertEquals(ours.pValue?.toFixed(4), expected.p_value?.toFixed(4));
      assertEquals(ours.signature.replace("-ardiff", ""), expected.signature);
    }
  }
});

Deno.test("scoreLine() prints a score as sacreBLEU does", () => {
  for (const [k, { scores }] of report.systems.entries()) {
    for (const ours of scores) {
      const { confidence: _, ...plain } = ours;
      const line = scoreLine(plain).replace(`|${ours.signature}`, "");
      assertEquals(line, systems[k]!.scores[ours.name]!.line);
    }
  }
});
