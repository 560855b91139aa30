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
  const bySource: number[][] = [];
  for (let i = 0; i < sourceLengths.length; i++) {
    (bySource[sourceLengths[i]!] ??= []).push(targetLengths[i]!);
  }
  let slots = 1;
  return Array.from(bySource, (_, sourceLength) => {
    const targets = neighbours(bySource, sourceLength).sort((a, b) => a - b);
    const longest = targets[Math.ceil(COVERED * targets.length) - 1]!;
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

/** Values at a place and around it, as many as make a sample. */
function neighbours(values: readonly (readonly number[] | undefined)[], place: number): number[] {
  const found = [...values[place] ?? []];
  for (let distance = 1; found.length < SAMPLE && distance < values.length; distance++) {
    found.push(...values[place - distance] ?? [], ...values[place + distance] ?? []);
  }
  return found;
}
