/**
 * ROUGE-L (Lin 2004): F1 of the longest common subsequence of the words of {@linkcode words},
 * 2·LCS / (|h| + |h'|). An empty text scores 0, even against itself, as in `rouge_score`.
 *
 * The length of a longest common subsequence comes from bit-parallel dynamic programming (Hyyrö
 * 2004): one column of the table is a bit vector over the positions of h, and each word of h' takes
 * |h| / 32 word operations.
 */

import { lcsLength } from "../../metrics/lcs.ts";
import { internTokens, lengthOf, type Sequences } from "../sequences.ts";
import { words } from "../tokenize.ts";
import type { CompiledCandidates, Utility } from "./utility.ts";

/** Masks of all words at once take the square of the length: 8 MB here. */
const LONGEST_WITH_MASKS = 8192;

/** F1 of the longest common subsequence. */
export const rougeL: Utility = {
  compile: (candidates) => new SubsequenceCandidates(internTokens(candidates.map(words))),
};

class SubsequenceCandidates implements CompiledCandidates {
  readonly size: number;
  readonly #sequences: Sequences;

  constructor(sequences: Sequences) {
    this.size = sequences.size;
    this.#sequences = sequences;
  }

  compare(
    u: number,
    others: Int32Array,
    asReference: Float64Array,
    asHypothesis: Float64Array,
  ): void {
    const { symbols, starts } = this.#sequences;
    const own = lengthOf(this.#sequences, u);
    const commonLength = this.#commonLengths(u);
    for (const [i, v] of others.entries()) {
      const common = commonLength(symbols, starts[v]!, starts[v + 1]!);
      const lengths = own + lengthOf(this.#sequences, v);
      asReference[i] = asHypothesis[i] = common === 0 ? 0 : 2 * common / lengths;
    }
  }

  /** How long the subsequence in common of candidate `u` and `symbols[start .. end)` is. */
  #commonLengths(u: number): (symbols: Int32Array, start: number, end: number) => number {
    if (lengthOf(this.#sequences, u) > LONGEST_WITH_MASKS) {
      const { symbols, starts } = this.#sequences;
      const own = symbols.subarray(starts[u]!, starts[u + 1]!);
      return (symbols, start, end) => lcsLength(symbols.subarray(start, end), own);
    }
    const positions = new PositionMasks(this.#sequences, u);
    return (symbols, start, end) => positions.commonLength(symbols, start, end);
  }

  self(u: number): number {
    return lengthOf(this.#sequences, u) === 0 ? 0 : 1;
  }
}

/** For every word of one sequence the bit vector of its positions. */
class PositionMasks {
  readonly #length: number;
  /** 32-bit blocks in a bit vector. */
  readonly #blocks: number;
  /** Where each symbol's bit vector starts in `masks`; block 0 on is the empty one. */
  readonly #maskOf: Int32Array;
  readonly #masks: Int32Array;
  readonly #column: Int32Array;

  constructor({ symbols, starts, vocabulary }: Sequences, u: number) {
    const start = starts[u]!;
    this.#length = starts[u + 1]! - start;
    this.#blocks = Math.ceil(this.#length / 32);
    this.#maskOf = new Int32Array(vocabulary);
    this.#column = new Int32Array(this.#blocks);
    const masks = new Int32Array((this.#length + 1) * this.#blocks);
    let used = this.#blocks;
    for (let p = 0; p < this.#length; p++) {
      const symbol = symbols[start + p]!;
      if (this.#maskOf[symbol] === 0) {
        this.#maskOf[symbol] = used;
        used += this.#blocks;
      }
      masks[this.#maskOf[symbol]! + (p >>> 5)]! |= 1 << (p & 31);
    }
    this.#masks = masks;
  }

  /** The length of the longest subsequence in common with `symbols[start .. end)`. */
  commonLength(symbols: Int32Array, start: number, end: number): number {
    const column = this.#column.fill(-1);
    for (let p = start; p < end; p++) {
      const mask = this.#maskOf[symbols[p]!]!;
      if (mask === 0) continue;
      let carry = 0;
      for (let b = 0; b < this.#blocks; b++) {
        const before = column[b]!;
        const matched = before & this.#masks[mask + b]!;
        // Below 2^33, so the double holds the carry out of 32 bits.
        const sum = (before >>> 0) + (matched >>> 0) + carry;
        carry = sum > 0xffffffff ? 1 : 0;
        column[b] = sum | (before & ~matched);
      }
    }
    // A bit that has turned 0 is a step of the subsequence.
    let common = 0;
    for (let b = 0; b < this.#blocks; b++) {
      const width = Math.min(this.#length - 32 * b, 32);
      common += bitCount(~column[b]! & (-1 >>> (32 - width)));
    }
    return common;
  }
}

/** The number of bits set in a 32-bit integer. */
function bitCount(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  bits = (bits + (bits >>> 4)) & 0x0f0f0f0f;
  return Math.imul(bits, 0x01010101) >>> 24;
}
