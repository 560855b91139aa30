/**
 * Random numbers that depend on nothing but a seed and named places: what is drawn for one place does
 * not depend on what was drawn for another, and there is no state to save.
 */

/** sfc32 (Doty-Humphrey, PractRand), keyed like a hash by its three words. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /**
   * @param seed an integer from 0 to 2^53
   * @param purpose what numbers are drawn for; streams of different purposes are independent
   * @param place what the stream belongs to, each an integer below 2^32
   */
  constructor(seed: number, purpose: number, ...place: readonly number[]) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32);
    this.#c = purpose;
    this.#mix();
    for (const word of place) {
      this.#a = (this.#a ^ word) >>> 0;
      this.#mix();
    }
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }

  /** An integer from 0 to count - 1. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** A standard normal number (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Puts the values of a list into random order. */
  shuffle(values: Uint32Array): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const value = values[last]!;
      values[last] = values[other]!;
      values[other] = value;
    }
  }

  /** Lets every bit of the state reach every other. */
  #mix(): void {
    for (let round = 0; round < 12; round++) this.bits();
  }
}
