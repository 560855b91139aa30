/**
 * The merges of a BPE vocabulary: which two neighbouring tokens become one, and in what order.
 */

import { Heap } from "./heap.ts";
import { describe, quote } from "./json_value.ts";
import { tokenizerError, type TokenizerFile } from "./tokenizer_file.ts";

/** A merge as a tokenizer.json writes it: the two tokens that become one. */
export type TokenPair = readonly [left: string, right: string];

/**
 * Reads `model.merges` in either of its forms, `["a", "b"]` or `"a b"`, most important first.
 *
 * @throws {UserError} where an entry is no pair or names a token outside the vocabulary
 */
export function readMerges(file: TokenizerFile): TokenPair[] {
  const { merges } = file.model;
  if (!Array.isArray(merges)) {
    throw tokenizerError(
      file.source,
      `expected "model.merges" to be a list of token pairs, found ${describe(merges)}`,
    );
  }
  return merges.map((entry: unknown, index) => {
    const pair: unknown = typeof entry === "string" ? entry.split(" ") : entry;
    if (!isPair(pair)) {
      throw tokenizerError(file.source, `expected merge ${index} to be a pair of tokens`);
    }
    const stranger = pair.find((token) => !file.idOf.has(token));
    if (stranger !== undefined) {
      throw tokenizerError(
        file.source,
        `merge ${index} names ${quote(stranger)}, which is not in the vocabulary`,
      );
    }
    return pair;
  });
}

function isPair(value: unknown): value is TokenPair {
  return Array.isArray(value) && value.length === 2 &&
    value.every((token) => typeof token === "string" && token !== "");
}

/** Applies merges to a word. */
export class MergeTable {
  readonly #vocabSize: number;
  /** Rank of a pair, 0 first, under the key left · vocabSize + right. */
  readonly #rankOf = new Map<number, number>();
  /** Token that the merge of a rank makes. */
  readonly #merged: number[] = [];

  /**
   * Looks up the tokens that the pairs make.
   *
   * @param pairs what merges, most important first
   * @param file vocabulary the pairs are from
   * @throws {UserError} for a merge that is given twice or makes no token of the vocabulary
   */
  constructor(pairs: readonly TokenPair[], file: TokenizerFile) {
    this.#vocabSize = file.tokens.length;
    for (const [rank, [left, right]] of pairs.entries()) {
      const merged = file.idOf.get(left + right);
      if (merged === undefined) {
        throw tokenizerError(
          file.source,
          `merge ${rank} makes ${quote(left + right)}, which is not in the vocabulary`,
        );
      }
      const key = this.#key(file.idOf.get(left)!, file.idOf.get(right)!);
      const earlier = this.#rankOf.get(key);
      if (earlier !== undefined) {
        throw tokenizerError(file.source, `merge ${rank} repeats merge ${earlier}`);
      }
      this.#rankOf.set(key, rank);
      this.#merged.push(merged);
    }
  }

  /**
   * Merges neighbours, always the pair of lowest rank and of those the leftmost, until none is left.
   * Takes O(n log n) for n symbols, however long the word.
   *
   * @param symbols token ids; used as working space
   */
  apply(symbols: number[]): number[] {
    const length = symbols.length;
    const next = symbols.map((_, position) => position + 1);
    const previous = symbols.map((_, position) => position - 1);
    const queue = new Heap<number>((a, b) => a - b);
    const consider = (left: number) => {
      const right = next[left]!;
      if (right >= length) return;
      const rank = this.#rankOf.get(this.#key(symbols[left]!, symbols[right]!));
      if (rank !== undefined) queue.push(rank * POSITIONS + left);
    };
    for (let position = 0; position < length; position++) consider(position);

    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const rank = Math.floor(entry / POSITIONS);
      const left = entry % POSITIONS;
      const right = next[left]!;
      if (symbols[left] === GONE || right >= length) continue;
      // The symbols may have merged with others since the entry was made.
      if (this.#rankOf.get(this.#key(symbols[left]!, symbols[right]!)) !== rank) continue;
      symbols[left] = this.#merged[rank]!;
      symbols[right] = GONE;
      const after = next[left] = next[right]!;
      if (after < length) previous[after] = left;
      if (previous[left]! >= 0) consider(previous[left]!);
      consider(left);
    }
    return symbols.filter((symbol) => symbol !== GONE);
  }

  #key(left: number, right: number): number {
    return left * this.#vocabSize + right;
  }
}

/** Marks a symbol that its left neighbour has taken in. */
const GONE = -1;

/** Queue entries are rank · POSITIONS + position: exact below 2^53, so 2^23 merges fit. */
const POSITIONS = 2 ** 30;
