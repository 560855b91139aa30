import { assertEquals } from "@std/assert";
import { shortPairs } from "../../scripts/short_pairs.ts";

Deno.test("shortPairs() keeps the lines of which both sides are short", () => {
  const table = "I run.\tJe cours.\nI run far.\tJe cours.\nI run.\tJe cours très loin.\nI run.\n";
  assertEquals(shortPairs(table, [2, 2]), "I run.\tJe cours.\n");
});
