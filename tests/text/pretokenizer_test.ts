import { assertEquals } from "@std/assert";
import { splitWords } from "../../src/text/pretokenizer.ts";

const CASES: readonly (readonly [text: string, words: string[]])[] = [
  ["Hello my friend", ["Hello", " my", " friend"]],
  ["can't we've I'D", ["can", "'t", " we", "'ve", " I", "'", "D"]],
  ["a1b22 c3", ["a", "1", "b", "22", " c", "3"]],
  ["wait... what?!", ["wait", "...", " what", "?!"]],
  ["two  spaces   here ", ["two", " ", " spaces", "  ", " here", " "]],
  ["line\nbreak\t tab", ["line", "\n", "break", "\t", " tab"]],
  ["été naïve Straße", ["été", " naïve", " Straße"]],
  ["no\u0085break\ufeffmark", ["no", "\u0085", "break", "\ufeff", "mark"]],
  ["日本 ½ Ⅷ", ["日本", " ½", " Ⅷ"]],
  ["😀👍 ok", ["😀👍", " ok"]],
];

Deno.test("splitWords() splits as GPT-2's pattern does", () => {
  for (const [text, words] of CASES) assertEquals(splitWords(text, false), words);
});

Deno.test("splitWords() loses nothing", () => {
  for (const [text] of CASES) assertEquals(splitWords(text, false).join(""), text);
  const lonely = "a\ud800b";
  assertEquals(splitWords(lonely, false).join(""), lonely);
});

Deno.test("splitWords() adds one space in front where there is none", () => {
  assertEquals(splitWords("Hello you", true), [" Hello", " you"]);
  assertEquals(splitWords(" Hello", true), [" Hello"]);
  assertEquals(splitWords("\tHello", true), [" ", "\t", "Hello"]);
  assertEquals(splitWords("", true), []);
});
