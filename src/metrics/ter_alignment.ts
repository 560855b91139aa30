/**
 * The beam-limited edit distance inside TER, with the alignment that its shift search reads.
 *
 * Only cells near the diagonal of the edit matrix are computed, as in sacreBLEU's TER: the beam is
 * part of the metric's definition, since on very uneven sentences it changes the distance. Shifts
 * permute the hypothesis and keep its length, so one beam serves all of them, and a candidate that
 * agrees with the current hypothesis up to word p starts from row p of its matrix.
 */

const BEAM_WIDTH = 25;
const UNREACHED = 1_000_000_000;

/** Edit operations that turn the hypothesis into the reference. */
const Op = { match: 1, substitute: 2, delete: 3, insert: 4 } as const;

/** How the words of a hypothesis and a reference correspond in the cheapest edit. */
export interface Alignment {
  /** Edits of cost 1. */
  readonly distance: number;
  /** Per reference word, the last hypothesis word at or before it in the edit; -1 before all. */
  readonly hypothesisAt: Int32Array;
  /** Errors among the first k reference words, k = 0..length. */
  readonly referenceErrors: Int32Array;
  /** Errors among the first k hypothesis words, k = 0..length. */
  readonly hypothesisErrors: Int32Array;
}

/** Edit distances between hypotheses of one length and one reference. */
export class TerAligner {
  readonly #reference: Int32Array;
  readonly #length: number;
  /** First computed column and the one after the last, per row 0..length. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  /** Cells of a row are stored from `row * #stride`, the first computed column first. */
  readonly #stride: number;
  /** Costs and operations of the edit matrix of the last aligned hypothesis. */
  readonly #costs: Int32Array;
  readonly #ops: Uint8Array;
  /** Two rows in turn for candidates, whose matrices need not be kept. */
  readonly #scratch: [Int32Array, Int32Array];
  readonly #scratchOps: Uint8Array;

  /**
   * @param reference word ids, not empty
   * @param length words of every hypothesis to come
   */
  constructor(reference: Int32Array, length: number) {
    this.#reference = reference;
    this.#length = length;
    const columns = reference.length + 1;
    const ratio = length > 0 ? reference.length / length : 1;
    const beam = BEAM_WIDTH < ratio / 2 ? Math.ceil(ratio / 2 + BEAM_WIDTH) : BEAM_WIDTH;
    this.#from = new Int32Array(length + 1);
    this.#to = new Int32Array(length + 1);
    this.#to[0] = columns;
    let stride = columns;
    for (let i = 1; i <= length; i++) {
      const diagonal = Math.floor(i * ratio);
      this.#from[i] = Math.max(0, diagonal - beam);
      this.#to[i] = i === length ? columns : Math.min(columns, diagonal + beam);
      if (i === 1) stride = 0;
      stride = Math.max(stride, this.#to[i]! - this.#from[i]!);
    }
    this.#stride = stride;
    // Row 0 inserts the reference's words: column j costs j, wherever the beam lies.
    this.#costs = new Int32Array(columns + length * stride);
    this.#ops = new Uint8Array(this.#costs.length);
    for (let j = 0; j < columns; j++) this.#costs[j] = j;
    this.#ops.fill(Op.insert, 0, columns);
    this.#scratch = [new Int32Array(stride), new Int32Array(stride)];
    this.#scratchOps = new Uint8Array(stride);
  }

  /** Aligns a hypothesis and keeps its matrix for the candidates shifted from it. */
  align(hypothesis: Int32Array): Alignment {
    for (let i = 1; i <= this.#length; i++) {
      const at = this.#rowAt(i);
      this.#fillRow(
        i,
        hypothesis[i - 1]!,
        this.#costs.subarray(this.#rowAt(i - 1)),
        this.#costs.subarray(at, at + this.#stride),
        this.#ops.subarray(at, at + this.#stride),
      );
    }
    return this.#trace();
  }

  /**
   * The distance of a candidate that agrees with the last aligned hypothesis in its first `shared`
   * words, or some value above `limit` once it must exceed that.
   */
  distanceWithin(candidate: Int32Array, shared: number, limit: number): number {
    let previous: Int32Array = this.#costs.subarray(this.#rowAt(shared));
    let [row, spare] = this.#scratch;
    for (let i = shared + 1; i <= this.#length; i++) {
      // Every edit passes through every row, so the cheapest cell bounds the distance from below.
      const cheapest = this.#fillRow(i, candidate[i - 1]!, previous, row, this.#scratchOps);
      if (cheapest > limit) return cheapest;
      previous = row;
      [row, spare] = [spare, row];
    }
    return previous[this.#reference.length - this.#from[this.#length]!]!;
  }

  #rowAt(row: number): number {
    return row === 0 ? 0 : this.#reference.length + 1 + (row - 1) * this.#stride;
  }

  /** Computes row i of an edit matrix from the row above; returns its least cost. */
  #fillRow(
    i: number,
    word: number,
    above: Int32Array,
    row: Int32Array,
    ops: Uint8Array,
  ): number {
    const reference = this.#reference;
    const [from, to] = [this.#from[i]!, this.#to[i]!];
    const [aboveFrom, aboveTo] = [this.#from[i - 1]!, this.#to[i - 1]!];
    let least = UNREACHED;
    let left = UNREACHED;
    let diagonal = from > aboveFrom && from <= aboveTo ? above[from - 1 - aboveFrom]! : UNREACHED;
    for (let j = from; j < to; j++) {
      const up = j >= aboveFrom && j < aboveTo ? above[j - aboveFrom]! : UNREACHED;
      // Ties go to match or substitution, then deletion, then insertion.
      let cost = UNREACHED;
      let op = 0;
      if (j > 0 && diagonal < UNREACHED) {
        const same = word === reference[j - 1];
        cost = diagonal + (same ? 0 : 1);
        op = same ? Op.match : Op.substitute;
      }
      if (up + 1 < cost) {
        cost = up + 1;
        op = Op.delete;
      }
      if (left + 1 < cost) {
        cost = left + 1;
        op = Op.insert;
      }
      row[j - from] = cost;
      ops[j - from] = op;
      if (cost < least) least = cost;
      left = cost;
      diagonal = up;
    }
    return least;
  }

  #trace(): Alignment {
    const columns = this.#reference.length;
    const hypothesisAt = new Int32Array(columns);
    const referenceErrors = new Int32Array(columns + 1);
    const hypothesisErrors = new Int32Array(this.#length + 1);
    let [i, j] = [this.#length, columns];
    const cell = () => this.#rowAt(i) + j - this.#from[i]!;
    const distance = this.#costs[cell()]!;
    while (i > 0 || j > 0) {
      const op = this.#ops[cell()]!;
      const error = op === Op.match ? 0 : 1;
      if (op !== Op.delete) {
        hypothesisAt[j - 1] = i - 1;
        referenceErrors[j] = error;
        j--;
      }
      if (op !== Op.insert) {
        hypothesisErrors[i] = error;
        i--;
      }
    }
    accumulate(referenceErrors);
    accumulate(hypothesisErrors);
    return { distance, hypothesisAt, referenceErrors, hypothesisErrors };
  }
}

function accumulate(values: Int32Array): void {
  for (let k = 1; k < values.length; k++) values[k]! += values[k - 1]!;
}
