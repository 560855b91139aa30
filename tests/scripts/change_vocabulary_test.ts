import { assertEquals, assertThrows } from "@std/assert";
import { meanRows, piecesOf } from "../../scripts/change_vocabulary.ts";

Deno.test("piecesOf() keeps a token that is known, and cuts others greedily", () => {
  const vocabulary = new Map([["Ġ", 0], ["ho", 1], ["hock", 2], ["c", 3], ["key", 4], ["Ġho", 5]]);
  assertEquals(piecesOf("hock", vocabulary), [2]);
  assertEquals(piecesOf("hockkey", vocabulary), [2, 4]);
  assertEquals(piecesOf("Ġhoc", vocabulary), [5, 3]);
  assertThrows(() => piecesOf("hox", vocabulary), Error, 'no token for the head of "x"');
});

Deno.test("meanRows() averages the rows of a token's pieces", () => {
  const table = Float32Array.of(1, 10, 2, 20, 3, 60);
  assertEquals([...meanRows(table, 2, [[0], [2, 1], [0, 1, 2]])], [1, 10, 2.5, 40, 2, 30]);
});
