/**
 * How many target slots a pair gets. With `length = "batch"` it follows from the source's length,
 * which generation knows too: padding to the longest target of a batch would tell the network how
 * long its targets are, and generation could not repeat it.
 */
import { slotsFor, type TextConfig } from "../denoiser/config.ts";

/** Token counts of pairs, special tokens included. */
export interface PairLengths {
  readonly sourceLengths: ArrayLike<number>;
  readonly targetLengths: ArrayLike<number>;
}

/** Numbers of slots are rounded up to a multiple of this, so that few of them are in use. */
const MULTIPLE = 4;
/** Share of targets that fit the slots of their source's length. */
const COVERED = 0.995;
/** Pairs of about one source length that the share is taken of, where there are as many. */
const SAMPLE = 400;

/**
 * The slots of sources of 0, 1, 2, ... tokens, up to the longest; it never falls.
 *
 * @param targetSlots no source gets more
 */
export function slotsBySource(
  { sourceLengths, targetLengths }: PairLengths,
  targetSlots: number,
): number[] {
  const bySource: Histogram[] = [];
  for (let i = 0; i < sourceLengths.length; i++) {
    const histogram = (bySource[sourceLengths[i]!] ??= new Map());
    addTo(histogram, targetLengths[i]!, 1);
  }
  let slots = 1;
  return Array.from(bySource, (_, sourceLength) => {
    const longest = quantile(neighbours(bySource, sourceLength), COVERED);
    slots = Math.max(slots, roundUp(longest, targetSlots));
    return slots;
  });
}

/**
 * The slots of every pair: those of its source's length, or more where its target needs them.
 *
 * @param text decides; with "fixed" length all pairs get `target_slots`
 */
export function slotsOfPairs(
  { sourceLengths, targetLengths }: PairLengths,
  text: TextConfig,
): Uint32Array {
  return new Uint32Array(sourceLengths.length).map((_, i) =>
    Math.max(
      slotsFor(text, sourceLengths[i]!),
      roundUp(targetLengths[i]!, text.target_slots),
    )
  );
}

function roundUp(length: number, most: number): number {
  return Math.min(Math.ceil(length / MULTIPLE) * MULTIPLE, most);
}

/** How often each target length occurs. */
type Histogram = Map<number, number>;

function addTo(histogram: Histogram, length: number, count: number): void {
  histogram.set(length, (histogram.get(length) ?? 0) + count);
}

/** The target lengths of sources of about one length, as many as make a sample. */
function neighbours(bySource: readonly (Histogram | undefined)[], sourceLength: number): Histogram {
  const found: Histogram = new Map();
  let size = 0;
  const add = (histogram: Histogram | undefined) => {
    for (const [length, count] of histogram ?? []) {
      addTo(found, length, count);
      size += count;
    }
  };
  add(bySource[sourceLength]);
  for (let distance = 1; size < SAMPLE && distance < bySource.length; distance++) {
    add(bySource[sourceLength - distance]);
    add(bySource[sourceLength + distance]);
  }
  return found;
}

/** The smallest length that at least a share of all is no longer than. */
function quantile(histogram: Histogram, share: number): number {
  const sorted = [...histogram].sort(([left], [right]) => left - right);
  let left = Math.ceil(share * sorted.reduce((sum, [, count]) => sum + count, 0));
  return sorted.find(([, count]) => (left -= count) <= 0)![0];
}
