import { assertEquals, assertStrictEquals } from "@std/assert";
import { Heap } from "../../src/text/heap.ts";

Deno.test("Heap gives items back in order, those pushed between pops included", () => {
  const heap = new Heap<number>((a, b) => a - b);
  const order: (number | undefined)[] = [];
  for (const item of [5, 3, 8, 1]) heap.push(item);
  order.push(heap.pop(), heap.pop());
  for (const item of [2, 9, 4, 4]) heap.push(item);
  for (let popped = 0; popped < 7; popped++) order.push(heap.pop());
  assertEquals(order, [1, 3, 2, 4, 4, 5, 8, 9, undefined]);
});

Deno.test("Heap sorts as Array.sort does", () => {
  const items = Array.from({ length: 500 }, (_, index) => (index * 7919) % 503);
  const heap = new Heap<number>((a, b) => b - a);
  for (const item of items) heap.push(item);
  assertEquals(items.map(() => heap.pop()), items.toSorted((a, b) => b - a));
  assertStrictEquals(heap.pop(), undefined);
});
