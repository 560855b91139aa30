import { assertEquals } from "@std/assert";
import { lcsLength, markLcs } from "../../src/metrics/lcs.ts";
import { Pcg64 } from "../../src/metrics/pcg64.ts";

/** The textbook table, and the subsequence that rouge_score reads out of it. */
function slowLcs(a: Int32Array, b: Int32Array): { length: number; marks: number[] } {
  const t = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      t[i]![j] = a[i - 1] === b[j - 1]
        ? t[i - 1]![j - 1]! + 1
        : Math.max(t[i - 1]![j]!, t[i]![j - 1]!);
    }
  }
  const marks = new Array<number>(a.length).fill(0);
  let [i, j] = [a.length, b.length];
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      marks[i - 1] = 1;
      i--;
      j--;
    } else if (t[i]![j - 1]! > t[i - 1]![j]!) j--;
    else i--;
  }
  return { length: t[a.length]![b.length]!, marks };
}

Deno.test("lcsLength() and markLcs() agree with the textbook table", () => {
  const generator = new Pcg64(1);
  const text = (symbols: number) =>
    Int32Array.from({ length: generator.below(100) }, () => generator.below(symbols));
  for (let round = 0; round < 300; round++) {
    const symbols = 1 + generator.below(12);
    const [a, b] = [text(symbols), text(symbols)];
    const expected = slowLcs(a, b);
    const marks = new Uint8Array(a.length);
    markLcs(a, b, marks);
    assertEquals(lcsLength(a, b), expected.length);
    assertEquals([...marks], expected.marks);
  }
});

Deno.test("lcsLength() carries across the words of a bit vector", () => {
  const a = Int32Array.from({ length: 1000 }, () => 5);
  assertEquals(lcsLength(a, a), 1000);
  assertEquals(lcsLength(a, a.subarray(0, 33)), 33);
  assertEquals(lcsLength(a, new Int32Array(64)), 0);
});

Deno.test("markLcs() keeps marks that are there", () => {
  const marks = Uint8Array.of(1, 0, 0);
  markLcs(Int32Array.of(1, 2, 3), Int32Array.of(3), marks);
  assertEquals([...marks], [1, 0, 1]);
});

Deno.test("lcsLength() of long sequences takes memory that grows with their sum", () => {
  // Of two long ones of different symbols the full table of masks would take 3 GB.
  const one = Int32Array.from({ length: 160_000 }, (_, i) => i);
  const other = Int32Array.from(one, (symbol) => symbol % 40_000 === 7 ? symbol : -symbol - 1);
  assertEquals(lcsLength(one.subarray(0, 100_000), other), 3);
  const random = (seed: number) =>
    Int32Array.from({ length: 9000 }, (_, i) => Math.imul(i + seed, 2654435761) >>> 28);
  const [a, b] = [random(1), random(5)];
  const marks = new Uint8Array(a.length);
  markLcs(a, b, marks);
  assertEquals(lcsLength(a, b), marks.reduce((sum, mark) => sum + mark, 0));
});
