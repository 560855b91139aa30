import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { batchesFrom, epochBatches, type RowSizes } from "../../src/training/data_order.ts";

const sourceLengths = Array.from({ length: 1003 }, (_, i) => 3 + (i * 7) % 20);
const SIZES: RowSizes = {
  lengths: sourceLengths,
  sourceLengths,
  targetLengths: Array.from({ length: 1003 }, (_, i) => 2 + (i * 13) % 25),
  slots: Array.from({ length: 1003 }, (_, i) => 4 * (1 + (i * 11) % 3)),
};
const OPTIONS = { seed: 3, batchSize: 16, batchTokens: 0 };
const flat = (batches: readonly Uint32Array[]) => batches.flatMap((rows) => [...rows]);

Deno.test("epochBatches() visits every pair once", () => {
  const rows = flat(epochBatches(SIZES, OPTIONS, 0));
  assertEquals(rows.toSorted((a, b) => a - b), Array.from({ length: 1003 }, (_, i) => i));
});

Deno.test("epochBatches() puts pairs of one number of slots and like sources together", () => {
  const spreads = epochBatches(SIZES, OPTIONS, 0).map((rows) => {
    assertEquals(new Set(Array.from(rows, (row) => SIZES.slots[row])).size, 1);
    const lengths = Array.from(rows, (row) => SIZES.lengths[row]!);
    return Math.max(...lengths) - Math.min(...lengths);
  });
  const mean = spreads.reduce((sum, spread) => sum + spread, 0) / spreads.length;
  assert(mean < 3, `sources of a batch differ by ${mean} tokens`);
});

Deno.test("epochBatches() fills all batches but one of each number of slots", () => {
  const partial = epochBatches(SIZES, OPTIONS, 0).filter(({ length }) => length < 16);
  assert(partial.length <= 3, `${partial.length} batches are not full`);
});

Deno.test("epochBatches() fills batches up to a number of tokens, padding included", () => {
  const most = 400;
  const batches = epochBatches(SIZES, { ...OPTIONS, batchTokens: most }, 0);
  assertEquals(flat(batches).toSorted((a, b) => a - b), Array.from({ length: 1003 }, (_, i) => i));
  const longest = (rows: Uint32Array, lengths: ArrayLike<number>) =>
    Math.max(...Array.from(rows, (row) => lengths[row]!));
  const tokens = batches.map((rows) =>
    rows.length * (longest(rows, SIZES.sourceLengths) + longest(rows, SIZES.targetLengths))
  );
  assert(Math.max(...tokens) <= most, `${Math.max(...tokens)} tokens`);
  const mean = tokens.reduce((sum, count) => sum + count, 0) / tokens.length;
  assert(mean > 0.75 * most, `${mean} tokens`);
  for (const rows of batches) {
    assertEquals(new Set(Array.from(rows, (row) => SIZES.slots[row])).size, 1);
  }
});

Deno.test("epochBatches() leaves a pair alone that is longer than all tokens of a batch", () => {
  const batches = epochBatches(SIZES, { ...OPTIONS, batchTokens: 20 }, 0);
  assertEquals(flat(batches).length, 1003);
  const isLong = (row: number) => SIZES.sourceLengths[row]! + SIZES.targetLengths[row]! > 20;
  for (const rows of batches) assert(rows.length === 1 || !rows.some(isLong));
});

Deno.test("epochBatches() is the same for the same epoch and seed only", () => {
  const order = (seed: number, epoch: number) =>
    flat(epochBatches(SIZES, { ...OPTIONS, seed }, epoch));
  assertEquals(order(3, 1), order(3, 1));
  assertNotEquals(order(3, 1), order(3, 2));
  assertNotEquals(order(3, 1), order(4, 1));
});

Deno.test("epochBatches() mixes numbers of slots over time", () => {
  const slots = epochBatches(SIZES, OPTIONS, 0).map((rows) => SIZES.slots[rows[0]!]!);
  const changes = slots.filter((value, i) => i > 0 && value !== slots[i - 1]).length;
  assert(changes > slots.length / 3, `${changes} changes in ${slots.length} batches`);
});

Deno.test("batchesFrom() goes on from any position as if it had never stopped", () => {
  const all = batchesFrom(SIZES, OPTIONS, { epoch: 0, batch: 0 });
  const expected = Array.from({ length: 150 }, () => all.next().value);
  const { epoch, batch } = expected[99]!;
  const rest = batchesFrom(SIZES, OPTIONS, { epoch, batch });
  assertEquals(Array.from({ length: 51 }, () => rest.next().value), expected.slice(99));
  assertEquals(expected.at(-1)!.epoch, 2);
});

Deno.test("batchesFrom() goes to the next epoch from behind the last batch", () => {
  const count = epochBatches(SIZES, OPTIONS, 0).length;
  const { value } = batchesFrom(SIZES, OPTIONS, { epoch: 0, batch: count }).next();
  assertEquals([value.epoch, value.batch], [1, 0]);
});
