import { assertAlmostEquals, assertEquals } from "@std/assert";
import { relativeError, relativeNormError } from "../../src/golden/report.ts";
import { shareOfNat } from "../../src/golden/training_check.ts";

Deno.test("errors against recorded zeros are relative to one", () => {
  for (const measure of [relativeError, relativeNormError]) {
    assertAlmostEquals(measure([1e-9], [0]), 1e-9, 1e-15);
    assertEquals(measure([0, 0], [0, 0]), 0);
    assertEquals(measure([NaN], [0]), NaN);
    assertEquals(measure([], []), 0);
    assertAlmostEquals(measure([2.2], [2]), 0.1, 1e-12);
  }
  assertEquals(shareOfNat(Float32Array.of(0, 0)), 1);
  assertEquals(shareOfNat(Float32Array.of(0.25)), 0.25);
  assertEquals(shareOfNat(Float32Array.of(-3)), 1);
});
