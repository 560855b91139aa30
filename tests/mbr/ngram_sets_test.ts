import { assertAlmostEquals, assertEquals } from "@std/assert";
import { NgramSets } from "../../src/mbr/ngram_sets.ts";
import { internTokens } from "../../src/mbr/sequences.ts";

const candidates = [
  "a b a b a",
  "a b a",
  "b b b a",
  "x y",
  "",
  "a a a a a a",
].map((text) => text.split(" ").filter((token) => token !== ""));

function counts(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const ngram = tokens.slice(i, i + order).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function clippedMatches(u: number, v: number, order: number): number {
  const other = counts(candidates[v]!, order);
  return [...counts(candidates[u]!, order)]
    .reduce((sum, [ngram, count]) => sum + Math.min(count, other.get(ngram) ?? 0), 0);
}

Deno.test("NgramSets.intersect() counts clipped matches of every order", () => {
  const sets = new NgramSets(internTokens(candidates), 3);
  for (let u = 0; u < candidates.length; u++) {
    const others = Int32Array.from(candidates.keys()).filter((v) => v !== u);
    const matches = new Float64Array(others.length * 3);
    sets.intersect(u, others, matches);
    const expected = [...others].flatMap((v) => [1, 2, 3].map((n) => clippedMatches(u, v, n)));
    assertEquals([...matches], expected);
  }
});

Deno.test("NgramSets.massOf() sums weighted matches with the other candidates", () => {
  const sets = new NgramSets(internTokens(candidates), 3);
  const weights = Float64Array.of(1, 0.5, 2, 1, 3, 0.25);
  const mass = sets.mass(weights);
  for (let u = 0; u < candidates.length; u++) {
    for (let order = 1; order <= 3; order++) {
      const expected = weights.reduce(
        (sum, weight, v) => v === u ? sum : sum + weight * clippedMatches(u, v, order),
        0,
      );
      assertAlmostEquals(sets.massOf(mass, u, order, weights[u]!), expected, 1e-12);
    }
  }
});
