import { assert, assertEquals } from "@std/assert";
import { sentenceChrf } from "../../../src/metrics/chrf.ts";
import { keepsReference, keptCandidates } from "../../../src/training/distill/keep.ts";

const REFERENCE = "The dog catches the ball.";
const CANDIDATES = ["A cat sleeps.", "", "The dog catches a ball.", "The dog.", "A cat sleeps."];

Deno.test("keptCandidates() takes the candidate nearest the reference by chrF", () => {
  const kept = keptCandidates(CANDIDATES, REFERENCE, "nearest");
  assertEquals(kept.targets, ["The dog catches a ball."]);
  assertEquals(kept.isReference, false);
  assertEquals(kept.chrf, sentenceChrf("The dog catches a ball.", [REFERENCE]));
});

Deno.test("keptCandidates() takes all that differ and are not blank, in their order", () => {
  const kept = keptCandidates(CANDIDATES, REFERENCE, "all");
  assertEquals(kept.targets, ["A cat sleeps.", "The dog catches a ball.", "The dog."]);
});

Deno.test("keptCandidates() takes what agrees most with all references of the source", () => {
  const [near, agreed] = ["The dog catches the ball.", "A dog runs after the red ball."];
  const others = ["A dog runs after a red ball.", "The dog runs after the red ball."];
  assertEquals(keptCandidates([near, agreed], REFERENCE, "nearest").targets, [near]);
  // The same for each of the source's pairs, whose own references differ.
  for (const reference of [REFERENCE, ...others]) {
    const kept = keptCandidates([near, agreed], reference, "consensus", others);
    assertEquals(kept.targets, [agreed]);
  }
});

Deno.test("keptCandidates() stays with the reference where nothing was written", () => {
  assertEquals(keptCandidates(["", " "], REFERENCE, "nearest"), {
    targets: [REFERENCE],
    isReference: true,
    chrf: 100,
  });
});

Deno.test("keepsReference() draws about its share, the same each time, others with another seed", () => {
  const pairs = Array.from({ length: 5000 }, (_, i) => ({ source: `s${i}`, target: `t${i}` }));
  const drawn = (share: number, seed: bigint) =>
    pairs.filter((pair) => keepsReference(pair, share, seed)).length;
  assert(Math.abs(drawn(0.3, 0n) - 1500) < 150, `${drawn(0.3, 0n)}`);
  assertEquals([drawn(0, 0n), drawn(1, 0n)], [0, 5000]);
  const differing = pairs.filter((pair) =>
    keepsReference(pair, 0.3, 0n) !== keepsReference(pair, 0.3, 1n)
  );
  assert(differing.length > 1000, `${differing.length}`);
});
