import { assert, assertEquals } from "@std/assert";
import { ExitCode, UserError } from "../src/errors.ts";
import { printable, printableLines } from "../src/printable.ts";

Deno.test("printable() writes control characters as JSON does", () => {
  assertEquals(
    printable("a\x1b[2Jb\r\nError: c\td\x7f\x9b"),
    "a\\u001b[2Jb\\r\\nError: c\\td\\u007f\\u009b",
  );
  assertEquals(printable("\u202eabc\u2066\u2028\ud800"), "\\u202eabc\\u2066\\u2028\\ud800");
  assertEquals(printable("żółw 日本語 👍🏽"), "żółw 日本語 👍🏽");
});

Deno.test("printable() keeps both ends of a long text", () => {
  const text = `Cannot read "${"x".repeat(5e7)}": expected y`;
  const cut = printable(text);
  assert(cut.length < 2100);
  assert(cut.startsWith('Cannot read "xxx') && cut.endsWith('xx": expected y'), cut);
  assertEquals(printable("abcdefgh", 4), "ab [... 4 characters ...] gh");
});

Deno.test("printableLines() keeps lines, and JSON means the same", () => {
  const value = { "a\x9b": ["\x1b[1m", "\u202e", "x\ny"] };
  const json = printableLines(JSON.stringify(value, null, 2));
  assertEquals(JSON.parse(json), value);
  assertEquals(json.split("\n").length, 7);
  assert(!json.includes("\x9b") && !json.includes("\u202e"));
});

Deno.test("UserError holds no control characters of what it quotes", () => {
  const error = new UserError(ExitCode.model, 'Key "a\x1b[31m\nError: forged" is unknown');
  assertEquals(error.message, 'Key "a\\u001b[31m\\nError: forged" is unknown');
});
