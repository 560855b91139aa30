/**
 * The n-grams of one input's candidates as sets of integers.
 *
 * Two ideas make a comparison of candidates cheap:
 * - The second, third, ... occurrence of an n-gram within a candidate gets an id of its own. Clipped
 *   matches, the sum over n-grams of min(count, count'), are then the size of a set intersection.
 * - An n-gram that no other candidate has cannot match, and neither can a longer one around it. Ids
 *   exist for shared n-grams only, found order by order.
 */

import { PairTable } from "./pair_table.ts";
import { lengthOf, type Sequences } from "./sequences.ts";

/** Marks a position at which no shared n-gram starts. */
const UNSHARED = -1;

/** The number of n-grams of order `order` in a sequence of `length` symbols. */
export function ngramTotal(length: number, order: number): number {
  return Math.max(length - order + 1, 0);
}

/** The shared n-grams of orders 1 to `maxOrder` of every candidate. */
export class NgramSets {
  /** The number of candidates. */
  readonly size: number;
  /** The longest n-grams counted. */
  readonly maxOrder: number;
  readonly #ids: Int32Array;
  /** Order n of candidate c is `ids[offsets[(n - 1) * size + c] .. offsets[(n - 1) * size + c + 1])`. */
  readonly #offsets: Int32Array;
  /** For each id whether the candidate being compared has it: 0 everywhere between calls. */
  readonly #marks: Uint8Array;

  constructor(sequences: Sequences, maxOrder: number) {
    const { size, symbols } = sequences;
    this.size = size;
    this.maxOrder = maxOrder;
    this.#offsets = new Int32Array(size * maxOrder + 1);
    const ids = new Int32Array(symbols.length * maxOrder);
    const table = new PairTable(symbols.length);
    let grams: Int32Array = symbols;
    let gramCount = sequences.vocabulary;
    let length = 0;
    let idCount = 0;
    for (let order = 1; order <= maxOrder; order++) {
      if (order > 1) {
        table.clear();
        grams = extend(sequences, grams, order, table);
        gramCount = table.size;
      }
      grams = keepShared(sequences, grams, gramCount);

      // Ids of this order: first occurrences are numbered as their n-grams, later ones after them.
      table.clear();
      const repeats = idCount + gramCount;
      const lastSeenIn = new Int32Array(gramCount).fill(-1);
      const occurrences = new Int32Array(gramCount);
      for (let c = 0; c < size; c++) {
        for (let p = sequences.starts[c]!; p < sequences.starts[c + 1]!; p++) {
          const gram = grams[p]!;
          if (gram === UNSHARED) continue;
          if (lastSeenIn[gram] === c) {
            ids[length++] = repeats + table.idOf(gram, occurrences[gram]!++);
          } else {
            lastSeenIn[gram] = c;
            occurrences[gram] = 1;
            ids[length++] = idCount + gram;
          }
        }
        this.#offsets[(order - 1) * size + c + 1] = length;
      }
      idCount = repeats + table.size;
    }
    this.#ids = ids.slice(0, length);
    this.#marks = new Uint8Array(idCount);
  }

  /**
   * Clipped matches of candidate `u` with each of `others`; the same in both directions.
   *
   * @param matches receives those of order n with `others[i]` at `[i * maxOrder + n - 1]`
   */
  intersect(u: number, others: Int32Array, matches: Float64Array): void {
    const { size, maxOrder } = this;
    const ids = this.#ids, offsets = this.#offsets, marks = this.#marks;
    this.#mark(u, 1);
    for (let i = 0, out = 0; i < others.length; i++) {
      let segment = others[i]!;
      for (let n = 0; n < maxOrder; n++, segment += size) {
        const end = offsets[segment + 1]!;
        let shared = 0;
        for (let k = offsets[segment]!; k < end; k++) shared += marks[ids[k]!]!;
        matches[out++] = shared;
      }
    }
    this.#mark(u, 0);
  }

  /**
   * The total weight of the candidates that have each id, by id.
   *
   * @param weights one per candidate. `[size]`
   */
  mass(weights: Float64Array): Float64Array {
    const mass = new Float64Array(this.#marks.length);
    for (let n = 0; n < this.maxOrder; n++) {
      for (let c = 0; c < this.size; c++) this.#each(c, n, (id) => mass[id]! += weights[c]!);
    }
    return mass;
  }

  /**
   * The weighted sum of candidate `u`'s clipped matches of order `order` with every other candidate,
   * in time proportional to its length. Rounding never makes it negative.
   *
   * @param mass of {@linkcode mass}
   * @param weight what `u` itself contributed to it
   */
  massOf(mass: Float64Array, u: number, order: number, weight: number): number {
    let sum = 0;
    this.#each(u, order - 1, (id) => sum += Math.max(mass[id]! - weight, 0));
    return sum;
  }

  #each(c: number, n: number, visit: (id: number) => void): void {
    const segment = n * this.size + c;
    const end = this.#offsets[segment + 1]!;
    for (let k = this.#offsets[segment]!; k < end; k++) visit(this.#ids[k]!);
  }

  #mark(u: number, value: 0 | 1): void {
    for (let n = 0; n < this.maxOrder; n++) this.#each(u, n, (id) => this.#marks[id] = value);
  }
}

/**
 * The n-gram that starts at each position, of the (n - 1)-grams that start there and one further.
 *
 * @param grams shared (n - 1)-grams by position, `UNSHARED` elsewhere
 */
function extend(
  sequences: Sequences,
  grams: Int32Array,
  order: number,
  table: PairTable,
): Int32Array {
  const longer = new Int32Array(grams.length).fill(UNSHARED);
  for (let c = 0; c < sequences.size; c++) {
    const end = sequences.starts[c]! + ngramTotal(lengthOf(sequences, c), order);
    for (let p = sequences.starts[c]!; p < end; p++) {
      const prefix = grams[p]!, suffix = grams[p + 1]!;
      if (prefix !== UNSHARED && suffix !== UNSHARED) longer[p] = table.idOf(prefix, suffix);
    }
  }
  return longer;
}

/** The same n-grams without those that a single candidate has. */
function keepShared(sequences: Sequences, grams: Int32Array, gramCount: number): Int32Array {
  const NOWHERE = -1, SEVERAL = -2;
  const owner = new Int32Array(gramCount).fill(NOWHERE);
  for (let c = 0; c < sequences.size; c++) {
    for (let p = sequences.starts[c]!; p < sequences.starts[c + 1]!; p++) {
      const gram = grams[p]!;
      if (gram === UNSHARED || owner[gram] === c) continue;
      owner[gram] = owner[gram] === NOWHERE ? c : SEVERAL;
    }
  }
  return grams.map((gram) => gram !== UNSHARED && owner[gram] === SEVERAL ? gram : UNSHARED);
}
