/**
 * The order of training data: every epoch a new one, a function of seed and epoch only. All rows of
 * a batch have the same number of target slots, and about equal lengths.
 */
import { Random } from "../random.ts";
import { Purpose } from "./random.ts";

/** What an order depends on. */
interface OrderOptions {
  readonly seed: number;
  /** Rows of a batch; the last one of each number of slots may have fewer. */
  readonly batchSize: number;
  /** The most tokens of a batch, padding included, in place of batchSize; 0: rows are counted. */
  readonly batchTokens: number;
}

/** What batches are formed by. */
export interface RowSizes {
  /** Tokens of every source, or of every target. */
  readonly lengths: ArrayLike<number>;
  /** Tokens of every source and target, which are counted where batches are formed by them. */
  readonly sourceLengths: ArrayLike<number>;
  readonly targetLengths: ArrayLike<number>;
  /** Target slots of every pair. */
  readonly slots: ArrayLike<number>;
}

/** Where a run stands in its data: before a batch of an epoch. */
export interface DataPosition {
  readonly epoch: number;
  readonly batch: number;
}

/** A batch at its place. */
export interface BatchRows extends DataPosition {
  /** Numbers of the pairs. */
  readonly rows: Uint32Array;
  /** Batches of its epoch. */
  readonly ofEpoch: number;
}

/** Batches among which rows are sorted by length. */
const POOL = 100;

/**
 * The batches of one epoch in the order of training: numbers of pairs.
 *
 * Memory: 4 bytes a pair, twice while it is made.
 */
export function epochBatches(
  sizes: RowSizes,
  options: OrderOptions,
  epoch: number,
): Uint32Array[] {
  const { seed, batchTokens } = options;
  const { lengths, sourceLengths, targetLengths } = sizes;
  const poolSize = POOL * rowsOfBatch(sizes, options);
  const tokens = (row: number) => sourceLengths[row]! + targetLengths[row]!;
  const random = new Random(seed, Purpose.dataOrder, epoch);
  const shuffled = new Uint32Array(sizes.slots.length).map((_, index) => index);
  random.shuffle(shuffled);
  const batches = groupBySlots(shuffled, sizes.slots)
    .flatMap((rows) => cut(rows, poolSize))
    .map((pool) =>
      pool.sort((a, b) =>
        lengths[a]! - lengths[b]! || (batchTokens > 0 ? tokens(a) - tokens(b) : 0)
      )
    )
    .flatMap((pool) =>
      batchTokens > 0 ? cutByTokens(pool, sizes, batchTokens) : cut(pool, options.batchSize)
    );
  const order = new Uint32Array(batches.length).map((_, index) => index);
  random.shuffle(order);
  return Array.from(order, (batch) => batches[batch]!);
}

/** Batches without end, epoch after epoch, from a position on. */
export function* batchesFrom(
  sizes: RowSizes,
  options: OrderOptions,
  { epoch, batch }: DataPosition,
): Generator<BatchRows, never, undefined> {
  for (;; epoch++, batch = 0) {
    const batches = epochBatches(sizes, options, epoch);
    for (; batch < batches.length; batch++) {
      yield { epoch, batch, rows: batches[batch]!, ofEpoch: batches.length };
    }
  }
}

/** Parts of one array, each with the rows of one number of slots in their present order. */
function groupBySlots(rows: Uint32Array, slots: ArrayLike<number>): Uint32Array[] {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(slots[row]!, (counts.get(slots[row]!) ?? 0) + 1);
  const grouped = new Uint32Array(rows.length);
  const parts = new Map<number, { start: number; filled: number }>();
  let start = 0;
  for (const [slot, count] of [...counts].sort(([a], [b]) => a - b)) {
    parts.set(slot, { start, filled: start });
    start += count;
  }
  for (const row of rows) grouped[parts.get(slots[row]!)!.filled++] = row;
  return Array.from(parts.values(), ({ start, filled }) => grouped.subarray(start, filled));
}

/** Rows of a batch; by tokens, about how many. */
function rowsOfBatch(
  { sourceLengths, targetLengths }: RowSizes,
  { batchSize, batchTokens }: OrderOptions,
): number {
  if (batchTokens === 0) return batchSize;
  let tokens = 0;
  for (let row = 0; row < sourceLengths.length; row++) {
    tokens += sourceLengths[row]! + targetLengths[row]!;
  }
  return Math.max(Math.floor(batchTokens * sourceLengths.length / tokens), 1);
}

/** Parts as long as their tokens allow, each row counted as the longest; a longer row is alone. */
function cutByTokens(
  rows: Uint32Array,
  { sourceLengths, targetLengths }: RowSizes,
  most: number,
): Uint32Array[] {
  const parts: Uint32Array[] = [];
  let start = 0, source = 0, target = 0;
  for (const [place, row] of rows.entries()) {
    const longer = [
      Math.max(source, sourceLengths[row]!),
      Math.max(target, targetLengths[row]!),
    ] as const;
    if (place > start && (place - start + 1) * (longer[0] + longer[1]) > most) {
      parts.push(rows.subarray(start, place));
      start = place;
      [source, target] = [sourceLengths[row]!, targetLengths[row]!];
    } else {
      [source, target] = longer;
    }
  }
  return [...parts, rows.subarray(start)];
}

function cut(rows: Uint32Array, size: number): Uint32Array[] {
  return Array.from(
    { length: Math.ceil(rows.length / size) },
    (_, index) => rows.subarray(index * size, (index + 1) * size),
  );
}
