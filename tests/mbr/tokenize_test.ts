import { assertEquals } from "@std/assert";
import { characters, words } from "../../src/mbr/tokenize.ts";
import { readOracle } from "./oracle.ts";

Deno.test("words() are sacreBLEU's 13a tokens in lower case", () => {
  const { texts, words: expected } = readOracle();
  for (const [i, text] of texts.entries()) assertEquals(words(text), expected[i]);
});

Deno.test("words() joins lines and reads character entities", () => {
  assertEquals(words("bro-\nken &lt;\nline"), ["broken", "<", "line"]);
});

Deno.test("characters() are code points without white space", () => {
  assertEquals(characters("A\u00a0é 🐕\n"), ["A", "é", "🐕"]);
});
