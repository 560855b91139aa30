import { assert, assertEquals } from "@std/assert";
import type { NetworkConfig } from "../../src/denoiser/config.ts";
import { Denoiser } from "../../src/denoiser/denoiser.ts";
import { elementCount, expectedTensors } from "../../src/denoiser/parameters.ts";
import { Random } from "../denoiser/random.ts";
import { testOnOtherKernels } from "./kernels.ts";
import {
  batchOf,
  F32,
  NETWORKS,
  ONE,
  readLatents,
  sampleDenoiser,
  sampleSteps,
} from "./sample_network.ts";

/** Not a whole number of the kernels' groups. */
const VOCABULARY = 1003;
/** Embeddings that lie so near to each other that bfloat16 cannot tell them apart. */
const CLUSTER = 17;
/** More than the kernels screen at once. */
const SLOTS = 150;

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** A table of clusters; its last entries repeat its first ones. */
function clusteredTable(width: number, random: Random): Float32Array<ArrayBuffer> {
  const table = new Float32Array(VOCABULARY * width);
  for (let v = 0; v < VOCABULARY; v++) {
    const centre = v - v % CLUSTER;
    for (let c = 0; c < width; c++) {
      table[v * width + c] = v === centre
        ? normal(random)
        : table[centre * width + c]! + 1e-3 * normal(random);
    }
  }
  table.copyWithin((VOCABULARY - 100) * width, 0, 100 * width);
  return table;
}

for (const width of [12, 64, 100]) {
  Deno.test(
    `tokens are the exact best of ${VOCABULARY} entries, ${width} wide`,
    async () => {
      const network: NetworkConfig = {
        ...NETWORKS[0]!,
        vocabulary_size: VOCABULARY,
        embedding_size: width,
        max_positions: SLOTS,
      };
      const random = new Random(width);
      const table = clusteredTable(width, random);
      const vectors = Float32Array.from({ length: SLOTS * width }, (_, at) => {
        const v = Math.floor(at / width) * 37 % VOCABULARY;
        return table[v * width + at % width]! + 0.3 * normal(random);
      });
      const vectorOf = (slot: number) => vectors.subarray(slot * width, (slot + 1) * width);
      const expected = Array.from({ length: SLOTS }, (_, slot) => bestScore(vectorOf(slot), table));
      const shapes = expectedTensors(network);
      for (const dtype of ["f32", "bf16"] as const) {
        using denoiser = await Denoiser.create(
          network,
          (name) =>
            name === "word_embedding.weight"
              ? table
              : new Float32Array(elementCount(shapes.get(name)!)),
          { ...F32, dtype },
        );
        using batch = await denoiser.start(batchOf([[1]]), {
          candidates: 1,
          firstCandidate: 0,
          slots: SLOTS,
          seed: 0n,
          noiseScale: 1,
          portable: false,
        });
        batch.write("x0", vectors);
        const ids = await batch.tokens("x0");
        assertEquals(ids.length, SLOTS);
        for (const [slot, id] of ids.entries()) {
          const { best, bound } = expected[slot]!;
          const what = `${dtype}, slot ${slot}`;
          assert(best - score(vectorOf(slot), table, id) <= bound, what);
          assert(id < VOCABULARY - 100, `${what}: the lowest of equal entries`);
        }
      }
    },
  );
}

Deno.test("infinite latents are read as tokens of the vocabulary", async () => {
  const [network, slots] = [NETWORKS[0]!, 9];
  using denoiser = await sampleDenoiser(network);
  using batch = await denoiser.start(batchOf([[1, 2], [3]]), { ...ONE, slots, noiseScale: 1 });
  const step = sampleSteps(slots, false)[0]!;
  const coefficients = new Float32Array(4 * slots).fill(3e38);
  for (const index of [0, 1]) await batch.step({ ...step, index, coefficients });
  assert(readLatents(batch, network).some((x) => !Number.isFinite(x)), "latents overflow");
  // Fewer rows next: those that are infinite lie behind them.
  for (const active of [slots, 1]) {
    batch.shrink(Int32Array.of(active, active));
    const ids = await batch.tokens("z");
    for (const [at, id] of ids.entries()) {
      assert(at % slots < active ? id >= 0 && id < network.vocabulary_size : id === -1, `${id}`);
    }
  }
});

function score(x: Float32Array, table: Float32Array, v: number): number {
  let sum = 0;
  for (let c = 0; c < x.length; c++) sum += x[c]! * table[v * x.length + c]!;
  return sum;
}

/** The best score in float64, and how far float32 sums may be from it. */
function bestScore(x: Float32Array, table: Float32Array): { best: number; bound: number } {
  let best = -Infinity, magnitude = 0;
  for (let v = 0; v < VOCABULARY; v++) {
    best = Math.max(best, score(x, table, v));
    let sum = 0;
    for (let c = 0; c < x.length; c++) sum += Math.abs(x[c]! * table[v * x.length + c]!);
    magnitude = Math.max(magnitude, sum);
  }
  return { best, bound: magnitude * 2 ** -22 };
}

testOnOtherKernels(import.meta.url);
