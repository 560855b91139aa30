/**
 * Longest common subsequences by bit-parallel dynamic programming (Hyyrö, 2004): 32 cells of the
 * table at a time, so two lines of 5,000 words take milliseconds.
 *
 * Let t[i][j] be the length for the first i symbols of `a` and the first j of `b`. Row i is kept
 * as a bit vector over j in which bit j-1 is 0 where t[i][j] = t[i][j-1] + 1.
 */

/** The bit vectors of all rows of a table, or of the last row only. */
class LcsTable {
  readonly #words: number;
  readonly #rows: Int32Array;

  constructor(a: Int32Array, b: Int32Array, keepRows: boolean) {
    this.#words = Math.ceil(b.length / 32);
    this.#rows = new Int32Array((keepRows ? a.length + 1 : 1) * this.#words).fill(-1);
    const masks = matchMasks(b, this.#words);
    for (let i = 0; i < a.length; i++) {
      const from = keepRows ? i * this.#words : 0;
      const to = keepRows ? from + this.#words : 0;
      this.#advance(from, to, masks.get(a[i]!));
    }
  }

  /** Computes the row at `to` from the one at `from` (the same place, for the last row only). */
  #advance(from: number, to: number, mask: Int32Array | undefined): void {
    const rows = this.#rows;
    if (mask === undefined) {
      rows.copyWithin(to, from, from + this.#words);
      return;
    }
    let carry = 0;
    for (let word = 0; word < this.#words; word++) {
      const bits = rows[from + word]!;
      const sum = (bits >>> 0) + ((bits & mask[word]!) >>> 0) + carry;
      carry = sum >= 2 ** 32 ? 1 : 0;
      rows[to + word] = (sum | 0) | (bits & ~mask[word]!);
    }
  }

  /** t[row][column] - t[row][column - 1]: 0 or 1. */
  step(row: number, column: number): number {
    const word = row * this.#words + ((column - 1) >> 5);
    return (~this.#rows[word]! >>> ((column - 1) & 31)) & 1;
  }

  /** t[row][column]; row 0 is the last one where only that is kept. */
  length(row: number, column: number): number {
    const at = row * this.#words;
    const whole = column >> 5;
    let length = 0;
    for (let word = 0; word < whole; word++) length += countOnes(~this.#rows[at + word]!);
    const rest = column & 31;
    if (rest > 0) length += countOnes(~this.#rows[at + whole]! & ((1 << rest) - 1));
    return length;
  }
}

/** Columns that are computed at a time where only the length is asked for. */
const STRIP = 4096;

/**
 * The length of the longest common subsequence of two symbol sequences, in memory that grows with
 * their sum: strip after strip of columns, each given the carries out of the one before it.
 */
export function lcsLength(a: Int32Array, b: Int32Array): number {
  const carries = new Uint8Array(a.length);
  let length = 0;
  for (let start = 0; start < b.length; start += STRIP) {
    length += stripLength(a, b.subarray(start, start + STRIP), carries);
  }
  return length;
}

/** The part of the length that lies in a strip; `carries` of each row go in and out. */
function stripLength(a: Int32Array, strip: Int32Array, carries: Uint8Array): number {
  const words = Math.ceil(strip.length / 32);
  const row = new Int32Array(words).fill(-1);
  const masks = matchMasks(strip, words);
  const none = new Int32Array(words);
  for (let i = 0; i < a.length; i++) {
    const mask = masks.get(a[i]!);
    let carry = carries[i]!;
    if (mask === undefined && carry === 0) continue;
    const matches = mask ?? none;
    for (let word = 0; word < words; word++) {
      const bits = row[word]!;
      const sum = (bits >>> 0) + ((bits & matches[word]!) >>> 0) + carry;
      carry = sum >= 2 ** 32 ? 1 : 0;
      row[word] = (sum | 0) | (bits & ~matches[word]!);
    }
    carries[i] = carry;
  }
  let length = 0;
  for (let word = 0; word < words; word++) {
    const width = Math.min(strip.length - 32 * word, 32);
    length += countOnes(~row[word]! & (-1 >>> (32 - width)));
  }
  return length;
}

/** Whether two sequences are too long for {@linkcode markLcs}, whose table is kept whole. */
export function isTooLongToMark(a: Int32Array, b: Int32Array): boolean {
  const rows = Math.ceil(b.length / 32) * (a.length + 1);
  return rows > MOST_CELLS || Math.ceil(b.length / 32) * b.length > MOST_CELLS;
}

/** 512 MB of words of 32 cells. */
const MOST_CELLS = 2 ** 27;

/**
 * Marks in `inLcs` the positions of `a` that belong to a longest common subsequence with `b`. Of
 * several, it is the one that rouge_score reads out: from the end, a match is taken at once, and
 * otherwise the last symbol of `b` is dropped only where dropping that of `a` is worse.
 */
export function markLcs(a: Int32Array, b: Int32Array, inLcs: Uint8Array): void {
  const table = new LcsTable(a, b, true);
  let [i, j] = [a.length, b.length];
  if (i === 0) return;
  let here = table.length(i, j);
  let above = table.length(i - 1, j);
  const climb = (): void => {
    i--;
    here = above;
    above = i > 0 ? table.length(i - 1, j) : 0;
  };
  while (i > 0 && j > 0) {
    const left = here - table.step(i, j);
    if (a[i - 1] === b[j - 1]) {
      inLcs[i - 1] = 1;
      above -= table.step(i - 1, j);
      j--;
      climb();
    } else if (left > above) {
      above -= table.step(i - 1, j);
      here = left;
      j--;
    } else {
      climb();
    }
  }
}

/** For each symbol of `b`, the bit vector of its positions. */
function matchMasks(b: Int32Array, words: number): Map<number, Int32Array> {
  const masks = new Map<number, Int32Array>();
  for (let j = 0; j < b.length; j++) {
    let mask = masks.get(b[j]!);
    if (mask === undefined) masks.set(b[j]!, mask = new Int32Array(words));
    mask[j >> 5]! |= 1 << (j & 31);
  }
  return masks;
}

function countOnes(bits: number): number {
  let count = bits - ((bits >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
