import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/random.ts";
import { Purpose } from "../../src/training/random.ts";
import {
  assembleShifted,
  NOTHING_WAITS,
  randomWidths,
  shiftedAttention,
  shiftedLayout,
  type ShiftedSettings,
  shiftedWeight,
} from "../../src/training/shifted_batch.ts";
import type { BatchOptions } from "../../src/native/trainer_options.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { BATCH_OPTIONS, NETWORK, sampleModel, sampleTrainer } from "./sample_trainer.ts";

const SETTINGS: ShiftedSettings = {
  slots: 8,
  padId: 0,
  startId: 1,
  steps: 2000,
  weights: { settled: 1, waiting: 0.3 },
};
const PAIRS = [
  { source: Uint16Array.of(5, 6, 2), target: Uint16Array.of(7, 2) },
  { source: Uint16Array.of(8, 2), target: Uint16Array.of(9, 10, 11, 12, 2) },
];

Deno.test("shiftedLayout() lets all but the first slot of a block wait", () => {
  const layout = (tokens: number, firstWidth: number, width: number) => {
    const { settled, waiting, blockStart } = shiftedLayout(tokens, { firstWidth, width });
    return [settled, [...waiting], [...blockStart]];
  };
  assertEquals(layout(6, 3, 3), [6, [1, 2, 4, 5], [0, 0, 3, 3]]);
  assertEquals(layout(6, 1, 3), [6, [2, 3, 5], [1, 1, 4]]);
  assertEquals(layout(3, 2, 2), [3, [1], [0]]);
  assertEquals(layout(4, 1, 1), [4, [], []]);
});

Deno.test("shiftedAttention() shows settled slots what is left of them, waiting ones their block too", () => {
  const rows = (mask: Uint8Array, slots: number) =>
    Array.from(
      { length: slots },
      (_, n) => [...mask.subarray(n * slots, (n + 1) * slots)].join(""),
    );
  assertEquals(
    rows(shiftedAttention(shiftedLayout(4, { firstWidth: 1, width: 3 })), 6),
    ["100000", "110000", "111000", "111100", "110011", "110011"],
  );
});

Deno.test("assembleShifted() gives settled slots their left token, and both kinds their weights", () => {
  const batch = assembleShifted(PAIRS, SETTINGS, { firstWidth: 2, width: 3 });
  // Positions 0 to 4, then 1 (of the block at 0), 3 and 4 (of the block at 2).
  assertEquals(batch.slots, 8);
  assertEquals([...batch.positions!], [0, 1, 2, 3, 4, 1, 3, 4]);
  const row = <T>(values: ArrayLike<T>, at: number) => Array.from(values).slice(8 * at, 8 * at + 8);
  assertEquals(row(batch.targetIds, 1), [9, 10, 11, 12, 2, 10, 12, 2]);
  assertEquals(row(batch.leftIds!, 1), [1, 9, 10, 11, 12, 9, 11, 12]);
  assertEquals(row(batch.timesteps, 1), [0, 0, 0, 0, 0, 1999, 1999, 1999]);
  assertEquals(row(batch.weights, 1), [1, 1, 1, 1, 1, 0.3, 0.3, 0.3].map(Math.fround));
  assertEquals(row(batch.targetIds, 0), [7, 2, 0, 0, 0, 2, 0, 0]);
  assertEquals(row(batch.weights, 0), [1, 1, 0, 0, 0, 0.3, 0, 0].map(Math.fround));
});

Deno.test("assembleShifted() cuts targets at the last slot", () => {
  const batch = assembleShifted(PAIRS, { ...SETTINGS, slots: 3 }, NOTHING_WAITS);
  assertEquals([...batch.targetIds], [7, 2, 0, 9, 10, 11]);
});

Deno.test("shiftedWeight() is the sum of an assembled batch's weights", () => {
  const random = new Random(3, Purpose.timesteps);
  for (let i = 0; i < 20; i++) {
    const slots = 1 + random.below(8);
    const widths = randomWidths([0, 1, 2, 5], random);
    const { weights } = assembleShifted(PAIRS, { ...SETTINGS, slots }, widths);
    const lengths = PAIRS.map(({ target }) => target.length);
    const expected = weights.reduce((sum, weight) => sum + weight, 0);
    assertAlmostEquals(shiftedWeight(lengths, { ...SETTINGS, slots }, widths), expected, 1e-5);
  }
});

Deno.test("randomWidths() draws as many waiting slots as it is told, and any first block", () => {
  const random = new Random(1, Purpose.timesteps);
  const drawn = Array.from({ length: 400 }, () => randomWidths([0, 2, 2, 2], random));
  const share = drawn.filter(({ width }) => width === 3).length / drawn.length;
  assert(Math.abs(share - 0.75) < 0.08, `${share}`);
  assertEquals(new Set(drawn.map(({ width, firstWidth }) => `${firstWidth}/${width}`)).size, 4);
});

Deno.test("what a settled slot predicts depends neither on what follows nor on what waits", async () => {
  const network = { ...NETWORK, shifted: true, time_conditioning: "none", token_chain: 7 } as const;
  using model = sampleModel(network);
  const options: BatchOptions = { ...BATCH_OPTIONS, backward: false, roundingLoss: "prediction" };
  using trainer = await sampleTrainer(model, { ...SAMPLE_CONFIG, network });
  const losses = async (target: number[], widths: typeof NOTHING_WAITS) => {
    const settings = { ...SETTINGS, steps: SAMPLE_CONFIG.diffusion.steps };
    const pair = { source: Uint16Array.of(8, 2), target: Uint16Array.from(target) };
    const batch = assembleShifted([pair], settings, widths);
    const terms = new Float32Array(6 * batch.slots);
    await trainer.batch(batch, options, terms);
    return [...terms.subarray(0, 3)];
  };
  const alone = await losses([9, 10, 11], NOTHING_WAITS);
  const close = (found: number[]) =>
    found.forEach((value, i) => assertAlmostEquals(value, alone[i]!, 1e-5));
  close(await losses([9, 10, 11, 12, 13], NOTHING_WAITS));
  close(await losses([9, 10, 11, 12, 13], { firstWidth: 2, width: 3 }));
});
