import { assertEquals } from "@std/assert";
import { codePoints, splitWhitespace, trimEnd } from "../../src/metrics/python_text.ts";

const PYTHON_WHITESPACE =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000";

Deno.test("splitWhitespace() splits where Python does", () => {
  for (const space of PYTHON_WHITESPACE) assertEquals(splitWhitespace(`a${space}b`), ["a", "b"]);
  for (const letter of "\ufeff\u200b\u180e\u2060") {
    assertEquals(splitWhitespace(`a${letter}b`), [`a${letter}b`]);
  }
});

Deno.test("splitWhitespace() yields no empty words", () => {
  assertEquals(splitWhitespace("  a \t b  "), ["a", "b"]);
  assertEquals(splitWhitespace(" \n"), []);
  assertEquals(splitWhitespace(""), []);
});

Deno.test("trimEnd() strips trailing whitespace of every kind and nothing else", () => {
  assertEquals(trimEnd(` a b${PYTHON_WHITESPACE}`), " a b");
  assertEquals(trimEnd("a\ufeff"), "a\ufeff");
  assertEquals(trimEnd(PYTHON_WHITESPACE), "");
});

Deno.test("codePoints() counts a surrogate pair once", () => {
  assertEquals([...codePoints("a😀e\u0301")], [0x61, 0x1f600, 0x65, 0x301]);
  assertEquals([...codePoints("")], []);
});
