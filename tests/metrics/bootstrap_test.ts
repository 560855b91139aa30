import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { confidence, pairedPValue, resample } from "../../src/metrics/bootstrap.ts";
import { SegmentStatistics } from "../../src/metrics/segment_statistics.ts";

/** A mean over segments with the given values. */
function meanOf(values: readonly number[]) {
  const statistics = new SegmentStatistics(values.length, 2);
  for (const [k, value] of values.entries()) statistics.row(k).set([value, 1]);
  return { statistics, score: (sums: Float64Array) => sums[0]! / sums[1]! };
}

Deno.test("resample() draws the same segments for every score", () => {
  const values = Array.from({ length: 50 }, (_, k) => k % 7);
  const [a, b] = resample([meanOf(values), meanOf(values.map((v) => v + 1))], 20);
  assertEquals(a!.length, 20);
  assertEquals(new Set(a).size > 10, true);
  for (const [k, mean] of a!.entries()) assertAlmostEquals(b![k]!, mean + 1, 1e-12);
});

Deno.test("resample() depends on the seed alone", () => {
  const scores = [meanOf([1, 2, 3, 4, 5])];
  assertEquals(resample(scores, 10, 7), resample(scores, 10, 7));
  assertEquals(resample(scores, 10, 7)[0]!.join() === resample(scores, 10, 8)[0]!.join(), false);
});

Deno.test("resample() refuses scores over different numbers of segments", () => {
  assertThrows(() => resample([meanOf([1]), meanOf([1, 2])], 5), RangeError, "differ");
});

Deno.test("confidence() leaves out 2.5 % on either side", () => {
  const values = Float64Array.from({ length: 1000 }, (_, k) => (k * 7) % 1000);
  assertEquals(confidence(values), { mean: 499.5, halfWidth: (974 - 25) / 2 });
});

Deno.test("pairedPValue() counts differences that stand out by more than the observed", () => {
  const baseline = new Float64Array(4);
  // Differences 0, 0, 0, 8 with mean 2: one exceeds its mean by more than 5, none by more than 6.
  const system = Float64Array.of(0, 0, 0, 8);
  assertEquals(pairedPValue(baseline, system, 5), 2 / 5);
  assertEquals(pairedPValue(baseline, system, 6), 1 / 5);
});
