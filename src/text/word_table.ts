/** The words that BPE training works on: each distinct word once, as token ids that merge in place. */

import { BYTE_CHARACTERS } from "./byte_alphabet.ts";

/** Called for each pair of neighbours that a merge makes (`times` 1) or ends (-1) in a word. */
type OnPair = (left: number, right: number, word: number, times: 1 | -1) => void;

/** All words as token ids, in one array. */
export class WordTable {
  readonly #symbols: Int32Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #counts: Float64Array;

  /**
   * Splits each word into bytes.
   *
   * @param counts how often each word occurs
   * @param idOf ids of the byte alphabet
   */
  constructor(counts: ReadonlyMap<string, number>, idOf: ReadonlyMap<string, number>) {
    const idOfByte = BYTE_CHARACTERS.map((character) => idOf.get(character)!);
    const encoder = new TextEncoder();
    const words = Array.from(counts.keys(), (word) => encoder.encode(word));
    this.#counts = Float64Array.from(counts.values());
    this.#lengths = Int32Array.from(words, (bytes) => bytes.length);
    this.#starts = new Int32Array(words.length);
    this.#symbols = new Int32Array(words.reduce((sum, bytes) => sum + bytes.length, 0));
    let start = 0;
    for (const [word, bytes] of words.entries()) {
      this.#starts[word] = start;
      for (const byte of bytes) this.#symbols[start++] = idOfByte[byte]!;
    }
  }

  /** Number of distinct words. */
  get size(): number {
    return this.#starts.length;
  }

  /** How often a word occurs in the text. */
  countOf(word: number): number {
    return this.#counts[word]!;
  }

  /** Token ids of a word as merged so far: a view, valid until the next merge in the word. */
  symbolsOf(word: number): Int32Array {
    const start = this.#starts[word]!;
    return this.#symbols.subarray(start, start + this.#lengths[word]!);
  }

  /** Makes `id` of every `left` followed by `right` in a word, from the left. */
  merge(word: number, left: number, right: number, id: number, onPair: OnPair): void {
    const symbols = this.symbolsOf(word);
    let written = 0;
    for (let at = 0; at < symbols.length; at++) {
      if (symbols[at] !== left || symbols[at + 1] !== right) {
        symbols[written++] = symbols[at]!;
        continue;
      }
      if (written > 0) {
        const before = symbols[written - 1]!;
        onPair(before, left, word, -1);
        onPair(before, id, word, 1);
      }
      at++;
      if (at + 1 < symbols.length) {
        const after = symbols[at + 1]!;
        onPair(right, after, word, -1);
        onPair(id, after, word, 1);
      }
      symbols[written++] = id;
    }
    this.#lengths[word] = written;
  }
}
