import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { type BatchOptions, type BatchWork, mapBatches } from "../../src/generation/map_batches.ts";
import { Channel } from "./channel.ts";

/** Long enough that a test which waits for it has failed. */
const FOREVER = 1e9;

const OPTIONS: BatchOptions<number> = {
  batchSize: 4,
  window: 100,
  maxWait: FOREVER,
  keyOf: (item) => item % 3,
};

/** Multiplies by 10 and keeps the batches. */
function timesTen(batches: number[][]): BatchWork<number, number> {
  return (batch) => {
    batches.push([...batch]);
    return Promise.resolve(batch.map((item) => 10 * item));
  };
}

/** Waits until background work has nothing left to do at once. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

for (const batchSize of [1, 4, 1000]) {
  for (const window of [1, 7, 1000]) {
    Deno.test(`mapBatches() keeps the order with batches of ${batchSize} and a window of ${window}`, async () => {
      const batches: number[][] = [];
      const results = mapBatches(ReadableStream.from(upTo(50)), timesTen(batches), {
        ...OPTIONS,
        batchSize,
        window,
      });
      assertEquals(await Array.fromAsync(results), upTo(50).map((item) => 10 * item));
      for (const batch of batches) {
        assertLess(batch.length, batchSize + 1);
        assertEquals(new Set(batch.map(OPTIONS.keyOf)).size, 1);
      }
    });
  }
}

Deno.test("mapBatches() takes the batch of the oldest item, filled with others of its key", async () => {
  const batches: number[][] = [];
  const source = [0, 1, 3, 4, 6, 9, 12, 2];
  const results = mapBatches(ReadableStream.from(source), timesTen(batches), OPTIONS);
  assertEquals(await Array.fromAsync(results), source.map((item) => 10 * item));
  assertEquals(batches, [[0, 3, 6, 9], [1, 4], [12], [2]]);
});

Deno.test("mapBatches() sends what there is when the oldest item has waited", async () => {
  const source = new Channel<number>();
  const batches: number[][] = [];
  const results = mapBatches(source, timesTen(batches), { ...OPTIONS, maxWait: 5 });
  source.push(0, 3);
  assertEquals((await results.next()).value, 0);
  assertEquals((await results.next()).value, 30);
  source.push(6);
  assertEquals((await results.next()).value, 60);
  assertEquals(batches, [[0, 3], [6]]);
  source.end();
  assertEquals((await results.next()).done, true);
});

Deno.test("mapBatches() waits for a batch to fill", async () => {
  const source = new Channel<number>();
  const batches: number[][] = [];
  const results = mapBatches(source, timesTen(batches), OPTIONS);
  source.push(0, 1, 3, 6);
  await settle();
  assertEquals(batches, []);
  source.push(9);
  assertEquals((await results.next()).value, 0);
  assertEquals(batches, [[0, 3, 6, 9]]);
  source.end();
  assertEquals(await Array.fromAsync(results), [10, 30, 60, 90]);
});

Deno.test("mapBatches() does not wait for items that its window has no room for", async () => {
  const source = new Channel<number>();
  const batches: number[][] = [];
  const results = mapBatches(source, timesTen(batches), { ...OPTIONS, window: 3 });
  source.push(0, 1, 3, 6, 9);
  assertEquals((await results.next()).value, 0);
  assertEquals(batches[0], [0, 3]);
  source.end();
  assertEquals(await Array.fromAsync(results), [10, 30, 60, 90]);
});

Deno.test("mapBatches() reads no further ahead than its window", async () => {
  const source = new Channel<number>();
  source.push(...upTo(1000));
  const results = mapBatches(source, timesTen([]), { ...OPTIONS, window: 20 });
  for (let taken = 1; taken <= 30; taken++) {
    await results.next();
    await settle();
    assertLess(source.read, taken + 20);
  }
  await results.return();
});

Deno.test("mapBatches() works on one batch at a time", async () => {
  let working = 0;
  let most = 0;
  const work = async (batch: readonly number[]) => {
    most = Math.max(most, ++working);
    await settle();
    working--;
    return batch;
  };
  const results = mapBatches(ReadableStream.from(upTo(20)), work, OPTIONS);
  assertEquals(await Array.fromAsync(results), upTo(20));
  assertEquals(most, 1);
});

Deno.test("mapBatches() goes on while results are promises", async () => {
  const late = Promise.withResolvers<number>();
  const batches: number[][] = [];
  const work = (batch: readonly number[]) => {
    batches.push([...batch]);
    return Promise.resolve(batch.map((item) => item === 0 ? late.promise : item));
  };
  const results = mapBatches(ReadableStream.from(upTo(6)), work, OPTIONS);
  const first = results.next();
  await settle();
  assertEquals(batches, [[0, 3], [1, 4], [2, 5]]);
  late.resolve(-1);
  assertEquals((await first).value, -1);
  assertEquals(await Array.fromAsync(results), [1, 2, 3, 4, 5]);
});

Deno.test("mapBatches() gives the results before an error of the work", async () => {
  const work = (batch: readonly number[]) =>
    batch.includes(2) ? Promise.reject(new Error("no")) : Promise.resolve(batch);
  const results = mapBatches(ReadableStream.from(upTo(6)), work, OPTIONS);
  assertEquals((await results.next()).value, 0);
  assertEquals((await results.next()).value, 1);
  await assertRejects(() => results.next(), Error, "no");
});

Deno.test("mapBatches() gives the results before an error of the stream", async () => {
  async function* source() {
    yield* upTo(3);
    await settle();
    throw new Error("torn");
  }
  const results = mapBatches(source(), timesTen([]), OPTIONS);
  for (const item of [0, 10, 20]) assertEquals((await results.next()).value, item);
  await assertRejects(() => results.next(), Error, "torn");
});

Deno.test("mapBatches() gives what is finished before the reason of its signal", async () => {
  const source = new Channel<number>();
  const controller = new AbortController();
  const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
  const work = async (batch: readonly number[], signal: AbortSignal) => {
    if (batch[0]! > 0) {
      onStart();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    }
    return batch;
  };
  const results = mapBatches(source, work, {
    ...OPTIONS,
    batchSize: 2,
    signal: controller.signal,
  });
  source.push(0, 3, 6, 9, 12);
  assertEquals((await results.next()).value, 0);
  await started;
  controller.abort(new Error("stop"));
  assertEquals((await results.next()).value, 3);
  await assertRejects(() => results.next(), Error, "stop");
  source.push(15);
  await settle();
  assertEquals(source.returned, true);
});

Deno.test("mapBatches() does not begin under an aborted signal", async () => {
  const batches: number[][] = [];
  const signal = AbortSignal.abort(new Error("stop"));
  const results = mapBatches(ReadableStream.from(upTo(5)), timesTen(batches), {
    ...OPTIONS,
    signal,
  });
  await assertRejects(() => results.next(), Error, "stop");
  assertEquals(batches, []);
});

Deno.test("mapBatches() stops its work when the consumer leaves, though the stream waits", async () => {
  const source = new Channel<number>();
  let stopped = false;
  const work = async (batch: readonly number[], signal: AbortSignal) => {
    if (batch.includes(3)) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      stopped = true;
    }
    return batch;
  };
  const results = mapBatches(source, work, { ...OPTIONS, batchSize: 1 });
  source.push(0, 3);
  assertEquals((await results.next()).value, 0);
  await settle();
  await results.return();
  assertEquals(stopped, true);
});
