/**
 * Micro-batches of networks whose past is causal (`network.causal_past`): every token of a target is
 * predicted in one pass, after block diffusion (Arriola et al. 2025).
 *
 * What a settled slot is does not depend on what follows, so that the settled slots of all places of a
 * sentence can be shared: a row holds its target once as settled slots, and beside it once more in
 * blocks of slots that are under way or wait, as generation finds them. A block attends to itself and to
 * the settled slots left of it:
 *
 *     positions   0 1 2 3 | 0 1   2 3   4 5
 *     slots       settled | block block block
 */
import type { ModelConfig } from "../denoiser/config.ts";
import { tokenTimesteps } from "../diffusion/token_timesteps.ts";
import {
  type AssembledBatch,
  assembleSources,
  type BatchSettings,
  evenPlaces,
  timestepGeometry,
} from "./micro_batch.ts";
import type { Random } from "./random.ts";
import type { TokenPair } from "./token_cache.ts";

/** How the slots of a micro-batch lie; the same for all its rows. */
interface BlockLayout {
  /** Settled slots, at positions 0, 1, ...: those left of the last block. */
  readonly settled: number;
  /** Slots in blocks behind them, at positions 0, 1, ... again. */
  readonly predicted: number;
  /** The position at which the block of each predicted slot begins, [predicted]. */
  readonly blockStart: Int32Array;
}

/** What is drawn for a micro-batch. */
interface BlockDraws {
  /** Slots of a block, and of the first one, at least 1. */
  readonly width: number;
  readonly firstWidth: number;
  /** For each row a number in [0, 1): how far its first slot is on its way. */
  readonly place: () => number;
}

/**
 * Lays out blocks up to the one that holds the last token.
 *
 * @param longest tokens of the longest target, at least 1
 * @param slots target slots N
 */
export function blockLayout(
  longest: number,
  slots: number,
  { width, firstWidth }: Pick<BlockDraws, "width" | "firstWidth">,
): BlockLayout {
  const starts = [0];
  for (let next = firstWidth; next < Math.min(longest, slots); next += width) starts.push(next);
  const settled = starts.at(-1)!;
  const predicted = Math.min(settled === 0 ? firstWidth : settled + width, slots);
  const blockStart = new Int32Array(predicted);
  for (const start of starts) blockStart.fill(start, start);
  return { settled, predicted, blockStart };
}

/** Which slot attends to which, [N, N] of all slots of a layout. */
export function blockAttention(layout: BlockLayout): Uint8Array<ArrayBuffer> {
  const { settled, predicted, blockStart } = layout;
  const slots = settled + predicted;
  const mask = new Uint8Array(slots * slots);
  for (let slot = 0; slot < settled; slot++) mask.fill(1, slot * slots, slot * slots + slot + 1);
  for (let position = 0; position < predicted; position++) {
    const row = (settled + position) * slots;
    const start = blockStart[position]!;
    mask.fill(1, row, row + start);
    for (let other = start; blockStart[other] === start; other++) mask[row + settled + other] = 1;
  }
  return mask;
}

/**
 * Assembles a batch. The loss is taken of predicted slots only; of those beyond a row's target with the
 * weight of padding.
 */
export function assembleBlocks(
  pairs: readonly TokenPair[],
  { slots, padId, paddingWeight }: BatchSettings,
  diffusion: ModelConfig["diffusion"],
  draws: BlockDraws,
): AssembledBatch {
  const layout = blockLayout(longestOf(pairs.map(({ target }) => target.length)), slots, draws);
  const { settled, predicted } = layout;
  const rows = pairs.length, width = settled + predicted;
  const batch = {
    ...assembleSources(pairs, padId),
    slots: width,
    targetIds: new Int32Array(rows * width).fill(padId),
    attentionMask: blockAttention(layout),
    positions: Int32Array.from({ length: width }, (_, i) => i < settled ? i : i - settled),
    timesteps: new Int32Array(rows * width),
    weights: new Float32Array(rows * width),
    firstScored: settled,
    present: pairs.map(() => predicted),
  };
  const timesteps = blockTimesteps(diffusion, slots, layout);
  for (const [row, { target }] of pairs.entries()) {
    const start = row * width, blocks = start + settled;
    batch.targetIds.set(target.subarray(0, settled), start);
    batch.targetIds.set(target.subarray(0, predicted), blocks);
    const end = blocks + Math.min(target.length, predicted);
    batch.weights.fill(1, blocks, end);
    batch.weights.fill(paddingWeight, end, blocks + predicted);
    batch.timesteps.set(timesteps(draws.place()), blocks);
  }
  return batch;
}

/** The sum of the weights that a batch would have, from its rows' target lengths alone. */
export function blockWeight(
  targetLengths: readonly number[],
  { slots, paddingWeight }: Pick<BatchSettings, "slots" | "paddingWeight">,
  draws: BlockDraws,
): number {
  const { predicted } = blockLayout(longestOf(targetLengths), slots, draws);
  return targetLengths.reduce((sum, length) => {
    const scored = Math.min(length, predicted);
    return sum + scored + paddingWeight * (predicted - scored);
  }, 0);
}

/**
 * Draws for training. As many slots are under way as the anchor's distance says, and some wait: mostly
 * none or one, as where a call settles a slot or two, and up to six, as where few calls settle all.
 */
export function randomBlocks(diffusion: ModelConfig["diffusion"], random: Random): BlockDraws {
  const waiting = WAITING[random.below(WAITING.length)]!;
  const width = underWay(diffusion) + waiting;
  return { width, firstWidth: 1 + random.below(width), place: () => random.uniform() };
}

/** Slots that wait, each as likely as another. */
const WAITING = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 6];

/**
 * Draws for a loss that can be compared between validations: no slot waits, and first slots are evenly
 * spread over their way.
 */
export function evenBlocks(diffusion: ModelConfig["diffusion"]): BlockDraws {
  const width = underWay(diffusion);
  return { width, firstWidth: width, place: evenPlaces() };
}

/** How many slots right of the last settled one are no longer pure noise. */
function underWay({ anchor_distance }: ModelConfig["diffusion"]): number {
  return Math.max((anchor_distance ?? 1) - 1, 1);
}

function longestOf(targetLengths: readonly number[]): number {
  return Math.max(1, ...targetLengths);
}

/**
 * The timesteps of predicted slots, given how far a sentence's first slot is. Those of a block that
 * begins at a position are those of the index at which all slots left of it have settled, and no other.
 */
function blockTimesteps(
  diffusion: ModelConfig["diffusion"],
  slots: number,
  { predicted, blockStart }: BlockLayout,
): (place: number) => Int32Array {
  const geometry = timestepGeometry(diffusion, slots);
  const { steps } = diffusion;
  const later = new Int32Array(predicted);
  for (let position = 0; position < predicted; position++) {
    const start = blockStart[position]!;
    if (start > 0) later[position] = tokenTimesteps(geometry, slots - start)[position]!;
  }
  return (place) => {
    const index = slots + Math.min(Math.floor(place * steps), steps - 1);
    const first = tokenTimesteps(geometry, index);
    return later.map((timestep, position) =>
      blockStart[position] === 0 ? first[position]! : timestep
    );
  };
}
