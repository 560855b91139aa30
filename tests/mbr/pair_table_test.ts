import { assertEquals } from "@std/assert";
import { PairTable } from "../../src/mbr/pair_table.ts";

Deno.test("PairTable.idOf() numbers distinct pairs by first appearance", () => {
  const table = new PairTable(4);
  const pairs = [[0, 1], [1, 0], [0, 1], [2 ** 31 - 1, 0], [1, 0], [0, 0]] as const;
  assertEquals(pairs.map(([a, b]) => table.idOf(a, b)), [0, 1, 0, 2, 1, 3]);
  assertEquals(table.size, 4);
});

Deno.test("PairTable.idOf() tells pairs apart at full capacity", () => {
  const side = 100;
  const table = new PairTable(side * side);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < side * side; i++) {
      assertEquals(table.idOf(Math.floor(i / side), i % side), i);
    }
  }
});

Deno.test("PairTable.clear() starts numbering afresh", () => {
  const table = new PairTable(2);
  table.idOf(5, 6);
  table.idOf(7, 8);
  table.clear();
  assertEquals(table.size, 0);
  assertEquals(table.idOf(7, 8), 0);
});
