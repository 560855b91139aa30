/**
 * Interns pairs of integers as consecutive integers: an open-addressing hash table over typed
 * arrays. A `Map` keyed by one number would need keys beyond 31 bits, which engines box and hash
 * slowly, and interning is most of the work at K = 50.
 */

const EMPTY = -1;

/** Numbers the distinct pairs it is asked for 0, 1, 2, ... in order of first appearance. */
export class PairTable {
  readonly #mask: number;
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #id: Int32Array;
  #size = 0;

  /** @param capacity the largest number of distinct pairs that will ever be held at once */
  constructor(capacity: number) {
    // At most half full, so that probe sequences stay short.
    const slots = 2 ** Math.ceil(Math.log2(2 * capacity + 2));
    this.#mask = slots - 1;
    this.#first = new Int32Array(slots);
    this.#second = new Int32Array(slots);
    this.#id = new Int32Array(slots).fill(EMPTY);
  }

  /** How many distinct pairs have been numbered since the last `clear()`. */
  get size(): number {
    return this.#size;
  }

  /** The number of the pair (first, second). */
  idOf(first: number, second: number): number {
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & this.#mask;
    let id = this.#id[slot]!;
    while (id !== EMPTY) {
      if (this.#first[slot] === first && this.#second[slot] === second) return id;
      slot = (slot + 1) & this.#mask;
      id = this.#id[slot]!;
    }
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.#id[slot] = this.#size;
    return this.#size++;
  }

  /** Forgets every pair. */
  clear(): void {
    this.#id.fill(EMPTY);
    this.#size = 0;
  }
}
