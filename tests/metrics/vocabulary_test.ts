import { assertEquals } from "@std/assert";
import { Vocabulary } from "../../src/metrics/vocabulary.ts";

Deno.test("Vocabulary.ids() gives equal words equal ids across calls", () => {
  const vocabulary = new Vocabulary();
  assertEquals([...vocabulary.ids(["a", "b", "a"])], [0, 1, 0]);
  assertEquals([...vocabulary.ids(["c", "b", "constructor"])], [2, 1, 3]);
});
