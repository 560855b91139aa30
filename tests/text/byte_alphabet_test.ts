import { assertEquals } from "@std/assert";
import { BYTE_CHARACTERS, tokenToBytes } from "../../src/text/byte_alphabet.ts";

Deno.test("BYTE_CHARACTERS has a character of its own for each byte", () => {
  assertEquals(BYTE_CHARACTERS.length, 256);
  assertEquals(new Set(BYTE_CHARACTERS).size, 256);
  assertEquals(BYTE_CHARACTERS[0x41], "A");
  assertEquals(BYTE_CHARACTERS[0x20], "Ġ");
  assertEquals(BYTE_CHARACTERS[0x0a], "Ċ");
  assertEquals(BYTE_CHARACTERS[0x00], "Ā");
  assertEquals(BYTE_CHARACTERS[0xad], "Ń");
  assertEquals(BYTE_CHARACTERS[0xff], "ÿ");
});

Deno.test("tokenToBytes() reads the alphabet back", () => {
  assertEquals([...tokenToBytes("ĠÃ©")], [0x20, 0xc3, 0xa9]);
  assertEquals([...tokenToBytes(BYTE_CHARACTERS.join(""))], [...Array(256).keys()]);
});

Deno.test("tokenToBytes() takes a token outside the alphabet as text", () => {
  assertEquals([...tokenToBytes("é✓")], [0xc3, 0xa9, 0xe2, 0x9c, 0x93]);
});
