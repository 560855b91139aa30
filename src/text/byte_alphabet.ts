/**
 * The byte alphabet of GPT-2: one printable character for each of the 256 bytes.
 *
 * Byte-level BPE vocabularies are text files, so bytes that do not print (space, control
 * characters, halves of UTF-8 sequences) are written as characters from U+0100 on, in order: space
 * is "Ġ", line feed is "Ċ". Everything else stands for itself.
 */

const PRINTABLE: readonly (readonly [first: number, last: number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/** The character that stands for each byte; index = byte. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

const utf8 = new TextEncoder();

function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = PRINTABLE.some(([first, last]) => byte >= first && byte <= last);
    return String.fromCharCode(prints ? byte : next++);
  });
}

/**
 * The bytes a vocabulary entry stands for. An entry with any character outside the alphabet (an
 * added token such as "<été ✓>") is not written in it and stands for its own UTF-8 form.
 */
export function tokenToBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return utf8.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
