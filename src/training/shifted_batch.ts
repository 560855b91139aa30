/**
 * Micro-batches of networks in the shifted layout (`network.shifted`): a settled slot itself predicts
 * its right neighbour, and only slots that wait stand beside the settled ones.
 *
 * A row holds its target once, each settled slot with the token left of its position (a start token at
 * position 0) and its own token as label; what a settled slot is does not depend on what follows, so
 * that one pass predicts every token. Beside them stand slots that wait, in blocks. A block begins at a
 * settled slot, whose prediction is its first, and its waiting slots, which predict the tokens after
 * that, see the settled slots up to it and each other:
 *
 *     positions   0 1 2 3 4 5 | 1 2   4 5
 *     slots         settled   | waiting      blocks of 3 that begin at positions 0 and 3
 */
import type { AssembledBatch } from "./micro_batch.ts";
import { assembleSources } from "./micro_batch.ts";
import type { Random } from "../random.ts";
import type { TokenPair } from "./token_cache.ts";

/** How the slots of a micro-batch lie; the same for all its rows. */
interface ShiftedLayout {
  /** Settled slots, at positions 0, 1, ... */
  readonly settled: number;
  /** The positions of slots that wait, [W]. */
  readonly waiting: Int32Array<ArrayBuffer>;
  /** The position at which the block of each of them begins, [W]. */
  readonly blockStart: Int32Array<ArrayBuffer>;
}

/** How many slots wait in a micro-batch's blocks. */
export interface BlockWidths {
  /** Of a block and of the first one, its settled slot included: at least 1. */
  readonly width: number;
  readonly firstWidth: number;
}

/** Blocks of which nothing waits: for a loss that can be compared between validations. */
export const NOTHING_WAITS: BlockWidths = { width: 1, firstWidth: 1 };

/**
 * Draws the widths of a micro-batch.
 *
 * @param waitingSlots numbers of slots that wait in a block, each as likely as another
 */
export function randomWidths(waitingSlots: readonly number[], random: Random): BlockWidths {
  const width = 1 + waitingSlots[random.below(waitingSlots.length)]!;
  return { width, firstWidth: 1 + random.below(width) };
}

/**
 * Lays out blocks from position 0 up to the last token.
 *
 * @param tokens of the longest target, at least 1
 */
export function shiftedLayout(tokens: number, { width, firstWidth }: BlockWidths): ShiftedLayout {
  const waiting: number[] = [], blockStart: number[] = [];
  let start = 0, next = firstWidth;
  for (let position = 0; position < tokens; position++) {
    if (position === next) [start, next] = [next, next + width];
    if (position === start) continue;
    waiting.push(position);
    blockStart.push(start);
  }
  return {
    settled: tokens,
    waiting: Int32Array.from(waiting),
    blockStart: Int32Array.from(blockStart),
  };
}

/** Which slot attends to which, [N, N] of all slots of a layout, settled ones first. */
export function shiftedAttention(
  { settled, waiting, blockStart }: ShiftedLayout,
): Uint8Array<ArrayBuffer> {
  const slots = settled + waiting.length;
  const mask = new Uint8Array(slots * slots);
  for (let slot = 0; slot < settled; slot++) mask.fill(1, slot * slots, slot * slots + slot + 1);
  for (let i = 0; i < waiting.length; i++) {
    const row = (settled + i) * slots, start = blockStart[i]!;
    mask.fill(1, row, row + start + 1);
    for (let j = 0; j < waiting.length; j++) {
      if (blockStart[j] === start) mask[row + settled + j] = 1;
    }
  }
  return mask;
}

/** What an update's loss is made of. */
interface SlotWeights {
  /** Of the slots that settled: 1, or 0 where only the chain head is trained. */
  readonly settled: number;
  /** Of those that wait. */
  readonly waiting: number;
}

/** What is common to the rows of a batch. */
export interface ShiftedSettings {
  /** Longest targets, in tokens. */
  readonly slots: number;
  readonly padId: number;
  /** What the first settled slot holds. */
  readonly startId: number;
  /** Timesteps T; slots that wait are at T - 1. */
  readonly steps: number;
  readonly weights: SlotWeights;
}

/** Assembles a batch. Slots beyond a row's target have no part in the loss. */
export function assembleShifted(
  pairs: readonly TokenPair[],
  { slots: most, padId, startId, steps, weights }: ShiftedSettings,
  widths: BlockWidths,
): AssembledBatch {
  const layout = shiftedLayout(longestOf(pairs.map(({ target }) => target.length), most), widths);
  const { settled, waiting } = layout;
  const rows = pairs.length, slots = settled + waiting.length;
  const positions = Int32Array.of(...Array(settled).keys(), ...waiting);
  const batch = {
    ...assembleSources(pairs, padId),
    slots,
    targetIds: new Int32Array(rows * slots).fill(padId),
    leftIds: new Int32Array(rows * slots).fill(padId),
    attentionMask: shiftedAttention(layout),
    positions,
    timesteps: new Int32Array(rows * slots),
    weights: new Float32Array(rows * slots),
    firstScored: 0,
    present: pairs.map(() => settled),
  };
  for (const [row, { target }] of pairs.entries()) {
    const first = row * slots;
    batch.timesteps.fill(steps - 1, first + settled, first + slots);
    for (const [slot, position] of positions.entries()) {
      if (position > target.length) continue;
      const at = first + slot;
      batch.leftIds[at] = position === 0 ? startId : target[position - 1]!;
      if (position === target.length) continue;
      batch.targetIds[at] = target[position]!;
      batch.weights[at] = slot < settled ? weights.settled : weights.waiting;
    }
  }
  return batch;
}

/** The sum of the weights that a batch would have, from its rows' target lengths alone. */
export function shiftedWeight(
  targetLengths: readonly number[],
  { slots, weights }: Pick<ShiftedSettings, "slots" | "weights">,
  widths: BlockWidths,
): number {
  const { waiting } = shiftedLayout(longestOf(targetLengths, slots), widths);
  return targetLengths.reduce((sum, length) => {
    const waits = waiting.filter((position) => position < length).length;
    return sum + weights.settled * Math.min(length, slots) + weights.waiting * waits;
  }, 0);
}

function longestOf(targetLengths: readonly number[], most: number): number {
  return Math.min(Math.max(1, ...targetLengths), most);
}
