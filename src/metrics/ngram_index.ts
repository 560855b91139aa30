/**
 * n-grams as integers: the structure under BLEU, chrF, ROUGE-N, CIDEr and the diversity measures.
 *
 * An n-gram is reached from the (n-1)-gram that is its prefix by its last symbol, so a text of
 * length L costs L lookups per order at any n, and no n-gram is ever spelled out. The map from
 * (prefix, symbol) to n-gram is exact: an open-addressing table over typed arrays.
 */

/** The distinct n-grams of one text, and how often each occurs. */
export interface NgramBag {
  /** Ids given by the index, in order of first occurrence. */
  readonly ngrams: Int32Array;
  /** Occurrences, parallel to `ngrams`. */
  readonly counts: Int32Array;
  /** Symbols of the text; it has `max(0, length - n + 1)` n-grams of order n. */
  readonly length: number;
}

/** Interns the n-grams of order 1 to `maxOrder` over integer symbols. */
export class NgramIndex {
  /** The longest n-gram. */
  readonly maxOrder: number;
  /** Ids given out, the empty n-gram (id 0) included. */
  #size = 1;
  #prefixes = new Int32Array(1024);
  #symbols = new Int32Array(1024);
  #orders = new Uint8Array(1024);
  #slots = new Int32Array(1024);
  /** Occurrences in the text that `bag` is counting; all zero between calls. */
  #tally = new Int32Array(1024);
  /** Ids by hash; 0 marks a free slot. Kept at most half full. */
  #table = new Int32Array(2048);

  /**
   * An index without n-grams.
   *
   * @param maxOrder the longest n-gram, 1 to 255
   */
  constructor(maxOrder: number) {
    if (!Number.isInteger(maxOrder) || maxOrder < 1 || maxOrder > 255) {
      throw new RangeError(`Cannot index n-grams of order ${maxOrder}: expected 1 to 255`);
    }
    this.maxOrder = maxOrder;
  }

  /** One more than the largest id: the length of an array indexed by n-gram. */
  get size(): number {
    return this.#size;
  }

  /** The order n of an n-gram. */
  orderOf(ngram: number): number {
    return this.#orders[ngram]!;
  }

  /** The n-gram without its last symbol; the empty n-gram is 0. */
  prefixOf(ngram: number): number {
    return this.#prefixes[ngram]!;
  }

  /** Counts the n-grams of a text given as integer symbols, interning those not seen before. */
  bag(symbols: ArrayLike<number>): NgramBag {
    const length = symbols.length;
    const first = new Int32Array(this.#occurrences(length));
    let distinct = 0;
    for (let start = 0; start < length; start++) {
      const end = Math.min(length, start + this.maxOrder);
      let ngram = 0;
      for (let at = start; at < end; at++) {
        ngram = this.#extend(ngram, symbols[at]!);
        if (this.#tally[ngram]!++ === 0) first[distinct++] = ngram;
      }
    }
    const ngrams = first.slice(0, distinct);
    const counts = new Int32Array(distinct);
    for (let k = 0; k < distinct; k++) {
      counts[k] = this.#tally[ngrams[k]!]!;
      this.#tally[ngrams[k]!] = 0;
    }
    return { ngrams, counts, length };
  }

  /** Forgets all n-grams, keeping the storage; bags made before are void. */
  clear(): void {
    for (let ngram = 1; ngram < this.#size; ngram++) this.#table[this.#slots[ngram]!] = 0;
    this.#size = 1;
  }

  /** n-grams of all orders in a text of `length` symbols. */
  #occurrences(length: number): number {
    const orders = Math.min(length, this.maxOrder);
    return orders * length - orders * (orders - 1) / 2;
  }

  #extend(prefix: number, symbol: number): number {
    const mask = this.#table.length - 1;
    let slot = hash(prefix, symbol) & mask;
    for (let ngram = this.#table[slot]!; ngram !== 0; ngram = this.#table[slot]!) {
      if (this.#prefixes[ngram] === prefix && this.#symbols[ngram] === symbol) return ngram;
      slot = (slot + 1) & mask;
    }
    if (this.#size === this.#prefixes.length) {
      this.#grow();
      return this.#extend(prefix, symbol);
    }
    const ngram = this.#size++;
    this.#prefixes[ngram] = prefix;
    this.#symbols[ngram] = symbol;
    this.#orders[ngram] = this.#orders[prefix]! + 1;
    this.#slots[ngram] = slot;
    this.#table[slot] = ngram;
    return ngram;
  }

  #grow(): void {
    const capacity = 2 * this.#prefixes.length;
    this.#prefixes = widen(this.#prefixes, new Int32Array(capacity));
    this.#symbols = widen(this.#symbols, new Int32Array(capacity));
    this.#orders = widen(this.#orders, new Uint8Array(capacity));
    this.#slots = widen(this.#slots, new Int32Array(capacity));
    this.#tally = widen(this.#tally, new Int32Array(capacity));
    this.#table = new Int32Array(2 * capacity);
    const mask = this.#table.length - 1;
    for (let ngram = 1; ngram < this.#size; ngram++) {
      let slot = hash(this.#prefixes[ngram]!, this.#symbols[ngram]!) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[ngram] = slot;
      this.#table[slot] = ngram;
    }
  }
}

function hash(prefix: number, symbol: number): number {
  let bits = Math.imul(prefix, 0x9e3779b1) ^ Math.imul(symbol, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35);
  return bits ^ (bits >>> 13);
}

function widen<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
