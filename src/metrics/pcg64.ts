/**
 * NumPy's default generator, so that a seed draws the same bootstrap resamples as sacreBLEU does:
 * `SeedSequence` (O'Neill's seed_seq alternative), PCG64 (XSL-RR 128/64, O'Neill, 2014) and Lemire's
 * bounded integers (2019), as behind `numpy.random.default_rng(seed).integers(0, n)`.
 */

const MASK_64 = (1n << 64n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** A stream of uniform integers that a seed determines. */
export class Pcg64 {
  #state: bigint;
  readonly #increment: bigint;
  /** The upper half of the last 64 bits, not yet handed out. */
  #spare: number | undefined;

  /** @param seed an integer, 0 to 2^53 - 1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Cannot seed with ${seed}: expected an integer of 0 or more`);
    }
    const [stateHigh, stateLow, streamHigh, streamLow] = seedWords(seed) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    this.#increment = BigInt.asUintN(128, (streamHigh << 65n) | (streamLow << 1n) | 1n);
    this.#state = BigInt.asUintN(128, this.#increment + ((stateHigh << 64n) | stateLow));
    this.#step();
  }

  /** The next integer of 0 to n - 1, each as likely; n is 1 to 2^32 - 1. */
  below(n: number): number {
    if (n === 1) return 0;
    const threshold = (2 ** 32 - n) % n;
    for (;;) {
      const bits = this.#next32();
      // bits * n has up to 64 bits: multiply its halves, each product below 2^48.
      const low = (bits & 0xffff) * n;
      const high = (bits >>> 16) * n + Math.floor(low / 2 ** 16);
      const remainder = (high % 2 ** 16) * 2 ** 16 + low % 2 ** 16;
      if (remainder >= threshold) return Math.floor(high / 2 ** 16);
    }
  }

  #next32(): number {
    if (this.#spare !== undefined) {
      const bits = this.#spare;
      this.#spare = undefined;
      return bits;
    }
    this.#step();
    const folded = (this.#state >> 64n) ^ (this.#state & MASK_64);
    const rotation = this.#state >> 122n;
    const bits = BigInt.asUintN(64, (folded >> rotation) | (folded << (64n - rotation)));
    this.#spare = Number(bits >> 32n);
    return Number(bits & 0xffffffffn);
  }

  #step(): void {
    this.#state = BigInt.asUintN(128, this.#state * MULTIPLIER + this.#increment);
  }
}

/** `SeedSequence(seed).generate_state(4, uint64)`. */
function seedWords(seed: number): bigint[] {
  let hashConstant = 0x43b0d7e5;
  const hashMix = (value: number): number => {
    let mixed = value ^ hashConstant;
    hashConstant = Math.imul(hashConstant, 0x931e8875);
    mixed = Math.imul(mixed, hashConstant);
    return mixed ^ (mixed >>> 16);
  };
  const mix = (x: number, y: number): number => {
    const mixed = Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715) | 0;
    return mixed ^ (mixed >>> 16);
  };
  const pool = [seed % 2 ** 32, Math.floor(seed / 2 ** 32), 0, 0].map(hashMix);
  for (let source = 0; source < pool.length; source++) {
    for (let target = 0; target < pool.length; target++) {
      if (source !== target) pool[target] = mix(pool[target]!, hashMix(pool[source]!));
    }
  }
  let outputConstant = 0x8b51f9dd;
  const halves = Array.from({ length: 8 }, (_, k) => {
    let word = pool[k % pool.length]! ^ outputConstant;
    outputConstant = Math.imul(outputConstant, 0x58f38ded);
    word = Math.imul(word, outputConstant);
    return BigInt((word ^ (word >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((k) => halves[k]! | (halves[k + 1]! << 32n));
}
