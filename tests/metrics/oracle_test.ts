import { assert, assertEquals } from "@std/assert";
import { readJsonFixture } from "./fixtures.ts";
import { type NamedScore, namedScores, type Pair } from "./oracle_scores.ts";

Deno.test("metrics agree with sacreBLEU and rouge_score on random and hostile pairs", async () => {
  const recorded = await readJsonFixture<{ pairs: Pair[]; scores: NamedScore[] }>("pairs.json");
  const ours = new Map([...namedScores(recorded.pairs)].map((score) => [score.name, score]));
  assert(recorded.scores.length > 40);
  for (const expected of recorded.scores) {
    const { name, corpus, segments, signature, detail } = ours.get(expected.name)!;
    assertNear(corpus, expected.corpus, `${name} of the corpus`);
    assertEquals(segments.length, expected.segments.length);
    for (const [k, score] of segments.entries()) {
      assertNear(score, expected.segments[k]!, `${name} of pair ${k}`);
    }
    assertEquals(signature?.replace("-ardiff", ""), expected.signature ?? undefined, name);
    assertEquals(detail, expected.detail ?? undefined, name);
  }
});

function assertNear(actual: number, expected: number, what: string): void {
  assert(Math.abs(actual - expected) < 1e-7, `${what}: ${actual} where ${expected} is recorded`);
}
