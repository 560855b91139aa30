import { assertEquals, assertThrows } from "@std/assert";
import { parseJsonText } from "../src/json_text.ts";

Deno.test("parseJsonText() refuses what is nested too deeply for code that walks it", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEquals(parseJsonText(nested(200)), JSON.parse(nested(200)));
  for (const text of [nested(201), "[".repeat(1e6), '{"a":'.repeat(1000)]) {
    assertThrows(() => parseJsonText(text), SyntaxError, "nested more than 200 deep");
  }
  const brackets = JSON.stringify({ '[[{"\\': "[{".repeat(1000), b: [{}] });
  assertEquals(parseJsonText(brackets), JSON.parse(brackets));
  assertThrows(() => parseJsonText("[1,"), SyntaxError);
});
