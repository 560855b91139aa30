import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { TokenTimesteps } from "../../src/diffusion/timesteps/token.ts";
import type { BatchOptions } from "../../src/native/trainer.ts";
import {
  assembleBlocks,
  blockAttention,
  blockLayout,
  blockWeight,
  evenBlocks,
  randomBlocks,
} from "../../src/training/block_batch.ts";
import { assembleBatch } from "../../src/training/micro_batch.ts";
import { Purpose, Random } from "../../src/training/random.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { BATCH_OPTIONS, NETWORK, sampleModel, sampleTrainer } from "./sample_trainer.ts";

const DIFFUSION = {
  ...SAMPLE_CONFIG.diffusion,
  steps: 2000,
  timesteps: "token",
  anchor_distance: 2,
} as const;
const PAIRS = [
  { source: Uint16Array.of(5, 6, 2), target: Uint16Array.of(7, 2) },
  { source: Uint16Array.of(8, 2), target: Uint16Array.of(9, 10, 11, 12, 2) },
];

Deno.test("blockLayout() ends with the block of the last token", () => {
  const layout = (longest: number, slots: number, firstWidth: number, width: number) => {
    const { settled, predicted, blockStart } = blockLayout(longest, slots, { firstWidth, width });
    return [settled, predicted, [...blockStart]];
  };
  assertEquals(layout(5, 8, 1, 2), [3, 5, [0, 1, 1, 3, 3]]);
  assertEquals(layout(5, 8, 2, 2), [4, 6, [0, 0, 2, 2, 4, 4]]);
  assertEquals(layout(5, 5, 2, 2), [4, 5, [0, 0, 2, 2, 4]]);
  assertEquals(layout(2, 8, 3, 3), [0, 3, [0, 0, 0]]);
  assertEquals(layout(9, 3, 1, 1), [2, 3, [0, 1, 2]]);
});

Deno.test("blockAttention() lets blocks see themselves and what has settled left of them", () => {
  const layout = blockLayout(5, 8, { firstWidth: 1, width: 2 });
  const rows = Array.from(
    { length: 8 },
    (_, slot) => [...blockAttention(layout).subarray(8 * slot, 8 * slot + 8)].join(""),
  );
  assertEquals(rows, [
    "10000000",
    "11000000",
    "11100000",
    "00010000",
    "10001100",
    "10001100",
    "11100011",
    "11100011",
  ]);
});

Deno.test("assembleBlocks() holds targets twice, and counts what is predicted", () => {
  const settings = { slots: 8, padId: 0, paddingWeight: 0.25 };
  const draws = { width: 2, firstWidth: 1, place: () => 0.5 };
  const batch = assembleBlocks(PAIRS, settings, DIFFUSION, draws);
  assertEquals([batch.rows, batch.slots, batch.firstScored], [2, 8, 3]);
  assertEquals(batch.present, [5, 5]);
  assertEquals([...batch.ids], [5, 6, 2, 8, 2, 0]);
  assertEquals([...batch.targetIds], [7, 2, 0, 7, 2, 0, 0, 0, 9, 10, 11, 9, 10, 11, 12, 2]);
  assertEquals([...batch.positions!], [0, 1, 2, 0, 1, 2, 3, 4]);
  assertEquals([...batch.weights], [0, 0, 0, 1, 1, 0.25, 0.25, 0.25, 0, 0, 0, 1, 1, 1, 1, 1]);
  // The first slot is half way; behind it blocks have a slot under way and one that waits.
  const row = [0, 0, 0, 1001, 1000, 1999, 1000, 1999];
  assertEquals([...batch.timesteps], [...row, ...row]);
  const weight = batch.weights.reduce((sum, value) => sum + value, 0);
  assertAlmostEquals(blockWeight([2, 5], settings, draws), weight, 1e-9);
});

Deno.test("randomBlocks() has as many slots under way as the anchor says, and up to six waiting", () => {
  for (const anchor_distance of [1, 2, 4]) {
    const least = Math.max(anchor_distance - 1, 1);
    const widths = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const random = new Random(seed, Purpose.timesteps);
      const { width, firstWidth } = randomBlocks({ ...DIFFUSION, anchor_distance }, random);
      widths.add(width - least);
      assert(firstWidth >= 1 && firstWidth <= width);
    }
    assertEquals([...widths].sort(), [0, 1, 2, 3, 4, 5, 6]);
    assertEquals(evenBlocks({ ...DIFFUSION, anchor_distance }).width, least);
  }
});

Deno.test("a block is predicted as generation would from the same slots", async () => {
  const network = { ...NETWORK, causal_past: true };
  using model = sampleModel(network);
  const settings = { slots: 8, padId: 0, paddingWeight: 1 };
  const options: BatchOptions = {
    ...BATCH_OPTIONS,
    backward: false,
    roundingLoss: "prediction",
    normaliser: 1,
  };
  const target = Uint16Array.of(9, 10, 11, 12, 13, 14, 2);
  const pairs = [{ source: Uint16Array.of(5, 6, 2), target }];
  const draws = { width: 3, firstWidth: 2, place: () => 0.25 };
  const channels = network.embedding_size;
  const noise = (slot: number) =>
    Array.from({ length: channels }, (_, c) => Math.sin(99 * slot + c));
  const valuesOf = (slots: readonly number[]) => Float32Array.from(slots.flatMap(noise));
  for (const portable of [false, true]) {
    using trainer = await sampleTrainer(
      model,
      { ...SAMPLE_CONFIG, network, diffusion: DIFFUSION },
      portable,
    );
    const lossOf = async (batch: ReturnType<typeof assembleBatch>, slots: readonly number[]) => {
      const terms = new Float32Array(6 * batch.slots);
      const [embeddingNoise, diffusionNoise] = [valuesOf(slots), valuesOf(slots)];
      await trainer.batch({ ...batch, embeddingNoise, diffusionNoise }, options, terms);
      return terms.subarray(0, batch.slots);
    };
    const blocks = assembleBlocks(pairs, settings, DIFFUSION, draws);
    const together = await lossOf(blocks, [...blocks.positions!]);
    for (const [start, end] of [[0, 2], [2, 5], [5, 8]] as const) {
      const index = start === 0 ? settings.slots + 500 : settings.slots - start;
      const timesteps = new TokenTimesteps(DIFFUSION, settings.slots).at(index);
      const alone = await lossOf(
        assembleBatch(pairs, settings, () => ({ timesteps, present: end, settled: start })),
        Array.from({ length: end }, (_, slot) => slot),
      );
      for (let slot = start; slot < end; slot++) {
        assertAlmostEquals(
          together[blocks.firstScored + slot]!,
          alone[slot]!,
          1e-4,
          `slot ${slot}`,
        );
      }
    }
  }
});
