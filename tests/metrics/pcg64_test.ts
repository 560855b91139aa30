import { assertEquals, assertThrows } from "@std/assert";
import { Pcg64 } from "../../src/metrics/pcg64.ts";
import { readJsonFixture } from "./fixtures.ts";

Deno.test("Pcg64.below() draws what NumPy's default_rng draws", async () => {
  const { seed, below, draws } = await readJsonFixture<
    { seed: number; below: number; draws: number[] }
  >("pcg64.json");
  const generator = new Pcg64(seed);
  assertEquals(draws.map(() => generator.below(below)), draws);
});

Deno.test("Pcg64.below() takes seeds and bounds over 32 bits and near them", () => {
  // numpy.random.default_rng(2**40 + 3).choice(2**31, size=3)
  const generator = new Pcg64(2 ** 40 + 3);
  const draws = Array.from({ length: 3 }, () => generator.below(2 ** 31));
  assertEquals(draws, [1574454166, 1661413791, 954937760]);
  assertEquals(new Pcg64(0).below(1), 0);
});

Deno.test("Pcg64() refuses seeds that are no integers from 0", () => {
  for (const seed of [-1, 0.5, 2 ** 53, NaN]) {
    assertThrows(() => new Pcg64(seed), RangeError, "Cannot seed");
  }
});
