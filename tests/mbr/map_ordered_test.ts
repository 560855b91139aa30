import { assert, assertEquals, assertRejects } from "@std/assert";
import { mapOrdered } from "../../src/mbr/map_ordered.ts";

async function* streamOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const collect = <T>(items: AsyncIterable<T>) => Array.fromAsync(items);

Deno.test("mapOrdered() keeps the order of the items", async () => {
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const results = collect(mapOrdered(
    streamOf([0, 1, 2, 3]),
    async (i) => {
      await gates[i]!.promise;
      return i;
    },
    4,
  ));
  for (const i of [3, 1, 0, 2]) gates[i]!.resolve();
  assertEquals(await results, [0, 1, 2, 3]);
});

Deno.test("mapOrdered() of nothing is nothing", async () => {
  assertEquals(await collect(mapOrdered(streamOf([]), () => Promise.resolve(1), 4)), []);
});

Deno.test("mapOrdered() works on several items at a time, up to the look-ahead", async () => {
  let running = 0, most = 0, begun = 0, taken = 0;
  const work = async (item: number) => {
    begun++;
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    running--;
    return item;
  };
  for await (const _ of mapOrdered(streamOf(Array(50).keys()), work, 3)) {
    taken++;
    assert(begun <= taken + 3);
  }
  assertEquals(taken, 50);
  assertEquals(most, 3);
});

Deno.test("mapOrdered() yields what is finished while the source is waiting", async () => {
  const rest = Promise.withResolvers<void>();
  async function* source() {
    yield 1;
    yield 2;
    await rest.promise;
    yield 3;
  }
  const results = mapOrdered(source(), (i) => Promise.resolve(i), 10);
  assertEquals((await results.next()).value, 1);
  assertEquals((await results.next()).value, 2);
  rest.resolve();
  assertEquals((await results.next()).value, 3);
  assertEquals((await results.next()).done, true);
});

Deno.test("mapOrdered() throws an error of the source after the results before it", async () => {
  async function* source() {
    yield 1;
    yield 2;
    await Promise.reject(new Error("no more"));
  }
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const i of mapOrdered(source(), (i) => Promise.resolve(i), 10)) taken.push(i);
    },
    Error,
    "no more",
  );
  assertEquals(taken, [1, 2]);
});

Deno.test("mapOrdered() throws an error of the work in its place", async () => {
  const work = (i: number) => i === 1 ? Promise.reject(new Error("bad 1")) : Promise.resolve(i);
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const i of mapOrdered(streamOf([0, 1, 2]), work, 3)) taken.push(i);
    },
    Error,
    "bad 1",
  );
  assertEquals(taken, [0]);
});

Deno.test("mapOrdered() closes the source when the consumer stops", async () => {
  let closed = false;
  async function* source() {
    try {
      for (let i = 0;; i++) yield await Promise.resolve(i);
    } finally {
      closed = true;
    }
  }
  for await (const _ of mapOrdered(source(), (i) => Promise.resolve(i), 2)) break;
  // The source may still be reading its next item.
  while (!closed) await Promise.resolve();
});

Deno.test("mapOrdered() does not wait for a source without input when the consumer stops", async () => {
  async function* source() {
    yield 1;
    await new Promise<never>(() => {});
  }
  for await (const _ of mapOrdered(source(), (i) => Promise.resolve(i), 4)) break;
});
