import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "../src/random.ts";

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.bits());

Deno.test("Random repeats itself for the same seed, purpose and place", () => {
  assertEquals(draw(new Random(5, 1, 2, 3), 4), draw(new Random(5, 1, 2, 3), 4));
});

Deno.test("Random gives other numbers for another seed, purpose or place", () => {
  const first = (random: Random) => draw(random, 2).join();
  const streams = [
    new Random(5, 1, 2, 3),
    new Random(6, 1, 2, 3),
    new Random(5 + 2 ** 32, 1, 2, 3),
    new Random(5, 2, 2, 3),
    new Random(5, 1, 3, 2),
    new Random(5, 1, 2),
    new Random(5, 1, 2, 3, 0),
  ];
  assertEquals(new Set(streams.map(first)).size, streams.length);
});

Deno.test("uniform() is spread evenly over [0, 1)", () => {
  const random = new Random(1, 1);
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[Math.floor(random.uniform() * 10)]++;
  // Five standard deviations of a binomial count.
  for (const count of counts) assert(Math.abs(count - 1000) < 150, `${counts}`);
});

Deno.test("uniform() of neighbouring steps is independent", () => {
  const values = Array.from({ length: 4000 }, (_, step) => new Random(1, 2, step, 0).uniform());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assertAlmostEquals(mean, 0.5, 0.025);
  const products = values.slice(1).map((value, i) => (value - 0.5) * (values[i]! - 0.5));
  const covariance = products.reduce((sum, value) => sum + value, 0) / products.length;
  assertAlmostEquals(covariance, 0, 0.007);
});

Deno.test("normal() has mean 0 and variance 1", () => {
  const random = new Random(1, 1);
  const values = Array.from({ length: 20_000 }, () => random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  assertAlmostEquals(mean, 0, 0.035);
  assertAlmostEquals(variance, 1, 0.05);
});

Deno.test("shuffle() keeps all values and changes their order", () => {
  const values = new Uint32Array(100).map((_, i) => i);
  const shuffled = values.slice();
  new Random(1, 1).shuffle(shuffled);
  assertNotEquals(shuffled, values);
  assertEquals(shuffled.toSorted(), values);
});
