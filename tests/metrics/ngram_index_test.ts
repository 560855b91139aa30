import { assertEquals, assertThrows } from "@std/assert";
import { NgramIndex } from "../../src/metrics/ngram_index.ts";

/** Counts of n-grams by order and spelling, the slow way. */
function spelledCounts(symbols: readonly number[], maxOrder: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let n = 1; n <= maxOrder; n++) {
    for (let at = 0; at + n <= symbols.length; at++) {
      const ngram = symbols.slice(at, at + n).join(" ");
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}

Deno.test("NgramIndex.bag() counts every n-gram of every order", () => {
  // Enough n-grams for the index to grow several times.
  const symbols = Array.from({ length: 3000 }, (_, k) => (k * k) % 97);
  const index = new NgramIndex(3);
  const { ngrams, counts, length } = index.bag(symbols);
  const expected = [...spelledCounts(symbols, 3)];
  assertEquals(length, 3000);
  assertEquals(ngrams.length, expected.length);
  assertEquals([...counts].toSorted(), expected.map(([, count]) => count).toSorted());
  for (const order of [1, 2, 3]) {
    const ofOrder = ngrams.filter((ngram) => index.orderOf(ngram) === order);
    assertEquals(
      ofOrder.length,
      expected.filter(([ngram]) => ngram.split(" ").length === order).length,
    );
  }
});

Deno.test("NgramIndex.bag() gives equal n-grams equal ids in different texts", () => {
  const index = new NgramIndex(2);
  const first = index.bag([7, 8, 9]);
  const second = index.bag([8, 9, 7]);
  assertEquals(index.size, 1 + 3 + 3);
  const shared = [...first.ngrams].filter((ngram) => second.ngrams.includes(ngram));
  assertEquals(shared.map((ngram) => index.orderOf(ngram)).toSorted(), [1, 1, 1, 2]);
});

Deno.test("NgramIndex.clear() forgets n-grams", () => {
  const index = new NgramIndex(4);
  const before = index.bag([1, 2, 3, 1, 2]);
  index.clear();
  assertEquals(index.size, 1);
  assertEquals(index.bag([1, 2, 3, 1, 2]), before);
});

Deno.test("NgramIndex.bag() of an empty text is empty", () => {
  const { ngrams, counts, length } = new NgramIndex(4).bag([]);
  assertEquals([ngrams.length, counts.length, length], [0, 0, 0]);
});

Deno.test("NgramIndex() refuses orders out of range", () => {
  for (const order of [0, 256, 1.5]) {
    assertThrows(() => new NgramIndex(order), RangeError, String(order));
  }
});
