import { assertEquals } from "@std/assert";
import { unicodeWords } from "../../src/metrics/unicode_words.ts";
import { readLinesFixture } from "./fixtures.ts";

Deno.test("unicodeWords() are rouge_score's where a text is ASCII", async () => {
  const lines = await readLinesFixture("rouge155_target.txt");
  // deno-lint-ignore no-control-regex -- ASCII
  for (const line of [...lines, "a_b 1,000.5 C++ e-mail"].filter((s) => /^[\x00-\x7f]*$/.test(s))) {
    assertEquals(unicodeWords(line), line.toLowerCase().match(/[a-z0-9]+/g) ?? []);
  }
});

Deno.test("unicodeWords() keeps letters of all scripts with their marks", () => {
  assertEquals(unicodeWords("J'ai été ! Żółw"), ["j", "ai", "été", "żółw"]);
  assertEquals(unicodeWords("e\u0301te\u0301"), ["\u00e9t\u00e9"]);
  assertEquals(unicodeWords("Привет, МИР; नमस्ते दुनिया"), ["привет", "мир", "नमस्ते", "दुनिया"]);
  assertEquals(unicodeWords("你好，ABC 12世界"), ["你", "好", "abc", "12", "世", "界"]);
  assertEquals(unicodeWords("ที่นี่"), ["ที่", "นี่"]);
  assertEquals(unicodeWords("👍 ..."), []);
});
