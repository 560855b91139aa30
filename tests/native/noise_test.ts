import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Denoiser } from "../../src/denoiser/denoiser.ts";
import {
  batchOf,
  NETWORKS,
  ONE,
  readLatents,
  rowOf,
  sampleDenoiser,
  sampleSteps,
} from "./sample_network.ts";

/** Initial noise of some sources, and the noise that the first step adds. */
async function drawNoise(
  denoiser: Denoiser,
  sources: number[][],
  options: Partial<typeof ONE> = {},
): Promise<{ initial: Float32Array; added: Float32Array }> {
  const chosen = { ...ONE, ...options };
  using batch = await denoiser.start(batchOf(sources), { ...chosen, noiseScale: 1 });
  const initial = readLatents(batch, denoiser.network);
  const { slots } = chosen;
  const step = sampleSteps(slots, false)[0]!;
  await batch.step({
    ...step,
    // z := noise
    coefficients: Float32Array.from({ length: 4 * slots }, (_, i) => i % 4 === 2 ? 1 : 0),
    atRest: new Uint8Array(slots),
  });
  return { initial, added: readLatents(batch, denoiser.network) };
}

interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
  readonly skewness: number;
  readonly kurtosis: number;
}

function momentsOf(values: ArrayLike<number>): Moments {
  const all = Array.from(values);
  const average = (f: (x: number) => number) => all.reduce((sum, x) => sum + f(x), 0) / all.length;
  const mean = average((x) => x);
  const variance = average((x) => (x - mean) ** 2);
  return {
    count: all.length,
    mean,
    variance,
    skewness: average((x) => (x - mean) ** 3) / variance ** 1.5,
    kurtosis: average((x) => (x - mean) ** 4) / variance ** 2,
  };
}

/** Whether moments are those of a standard normal sample, within five standard errors. */
function assertStandardNormal({ count, mean, variance, skewness, kurtosis }: Moments): void {
  const near = (what: string, value: number, expected: number, varianceOfOne: number) =>
    assert(
      Math.abs(value - expected) < 5 * Math.sqrt(varianceOfOne / count),
      `${what} is ${value}, expected ${expected}`,
    );
  near("mean", mean, 0, 1);
  near("variance", variance, 1, 2);
  near("skewness", skewness, 0, 6);
  near("kurtosis", kurtosis, 3, 24);
}

Deno.test("noise is standard normal, from value to value and from step to step", async () => {
  using denoiser = await sampleDenoiser(NETWORKS[0]!);
  const { initial, added } = await drawNoise(denoiser, [[1, 2, 3], [4]], { candidates: 200 });
  assertStandardNormal(momentsOf(initial));
  assertStandardNormal(momentsOf(added));
  // Uncorrelated with its neighbour, and the noise of a step with the initial noise.
  const root = Math.sqrt(initial.length);
  const correlation = (a: Float32Array, b: Float32Array) =>
    b.reduce((sum, y, i) => sum + y * a[i]!, 0) / b.length;
  assert(Math.abs(correlation(initial, initial.subarray(1))) < 5 / root);
  assert(Math.abs(correlation(initial, added)) < 5 / root);
});

Deno.test("noise depends on seed, source, candidate and nothing else", async () => {
  using denoiser = await sampleDenoiser(NETWORKS[0]!);
  const source = [7, 8, 9];
  const alone = await drawNoise(denoiser, [source]);
  const inBatch = await drawNoise(denoiser, [[1], source, [1, 2, 3, 4, 5]], { candidates: 2 });
  for (const kind of ["initial", "added"] as const) {
    assertEquals(rowOf(inBatch[kind], 2, 6), alone[kind]);
    for (const row of [0, 1, 3, 4, 5]) assertNotEquals(rowOf(inBatch[kind], row, 6), alone[kind]);
    const later = await drawNoise(denoiser, [source], { firstCandidate: 1 });
    assertEquals(later[kind], rowOf(inBatch[kind], 3, 6));
    const reseeded = await drawNoise(denoiser, [source], { seed: 5n + 2n ** 40n });
    assertNotEquals(reseeded[kind], alone[kind]);
  }
});

Deno.test("noise is the same on the portable path, up to rounding", async () => {
  using denoiser = await sampleDenoiser(NETWORKS[1]!);
  const sources = [[1, 2], [3]];
  const fused = await drawNoise(denoiser, sources, { candidates: 3 });
  const portable = await drawNoise(denoiser, sources, { candidates: 3, portable: true });
  for (const kind of ["initial", "added"] as const) {
    const gaps = fused[kind].map((x, i) => Math.abs(x - portable[kind][i]!));
    assert(Math.max(...gaps) < 1e-5, `${kind} noise differs by ${Math.max(...gaps)}`);
  }
});
