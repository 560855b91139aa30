/** From numbers of pairs to the tensors of one micro-batch (SPEC 3). */
import type { ModelConfig } from "../denoiser/config.ts";
import { processOf } from "../diffusion/process.ts";
import type { RowTimesteps } from "../diffusion/timesteps/scheme.ts";
import type { TrainingBatch } from "../native/trainer.ts";
import type { Random } from "../random.ts";
import type { TokenPair } from "./token_cache.ts";

/** Draws the timesteps of the next row, of N slots, whose target has a number of tokens. */
export type TimestepSource = (slots: number, targetLength: number) => RowTimesteps;

/** What is common to the rows of a batch. */
export interface BatchSettings {
  /** Target slots N. */
  readonly slots: number;
  readonly padId: number;
  /** Weight of the loss of padding slots. */
  readonly paddingWeight: number;
}

/** A batch, its weights, and where in a row the slots lie that stand for the target's tokens. */
export interface AssembledBatch extends TrainingBatch {
  readonly weights: Float32Array<ArrayBuffer>;
  /** The first of them. */
  readonly firstScored: number;
  /** How many there are in each row, [B]. */
  readonly present: readonly number[];
}

/** The sources of a batch, padded to the longest. */
export function assembleSources(
  pairs: readonly TokenPair[],
  padId: number,
): Pick<TrainingBatch, "rows" | "length" | "ids" | "mask"> {
  const rows = pairs.length;
  const length = Math.max(...pairs.map(({ source }) => source.length));
  const ids = new Int32Array(rows * length).fill(padId), mask = new Uint8Array(rows * length);
  for (const [row, { source }] of pairs.entries()) {
    ids.set(source, row * length);
    mask.fill(1, row * length, row * length + source.length);
  }
  return { rows, length, ids, mask };
}

/**
 * Assembles a batch, of as many slots as are there in any row. Where some rows have fewer, no slot
 * attends to those that are left out. Their weights and those of settled slots are 0.
 *
 * @param pairs its rows
 * @param timesteps gives the timesteps of one row after another
 */
export function assembleBatch(
  pairs: readonly TokenPair[],
  { slots: allSlots, padId, paddingWeight }: BatchSettings,
  timesteps: TimestepSource,
): AssembledBatch {
  const rows = pairs.length;
  const places = pairs.map(({ target }) => timesteps(allSlots, target.length));
  const present = places.map((place) => place.present);
  const slots = Math.max(...present);
  const batch = {
    ...assembleSources(pairs, padId),
    slots,
    targetIds: new Int32Array(rows * slots).fill(padId),
    timesteps: new Int32Array(rows * slots),
    weights: new Float32Array(rows * slots),
    firstScored: 0,
    present,
    ...(Math.min(...present) < slots && { keyMask: new Uint8Array(rows * slots) }),
  };
  for (const [row, { target }] of pairs.entries()) {
    const { timesteps, present, settled } = places[row]!;
    const start = row * slots;
    const tokens = target.subarray(0, slots);
    const scored = Math.min(tokens.length, present);
    batch.targetIds.set(tokens, start);
    batch.weights.fill(1, start, start + scored);
    batch.weights.fill(paddingWeight, start + scored, start + present);
    batch.weights.fill(0, start, start + settled);
    batch.timesteps.set(timesteps.subarray(0, slots), start);
    batch.keyMask?.fill(1, start, start + present);
  }
  return batch;
}

/** The sum of the weights that a batch would have, from its rows' target lengths alone. */
export function weightOf(
  targetLengths: Iterable<number>,
  { slots, paddingWeight }: Pick<BatchSettings, "slots" | "paddingWeight">,
  timesteps: TimestepSource,
): number {
  let sum = 0;
  for (const length of targetLengths) {
    const { present, settled } = timesteps(slots, length);
    const end = Math.min(length, present);
    sum += Math.max(end - settled, 0) + paddingWeight * (present - Math.max(end, settled));
  }
  return sum;
}

/** Hides all but the first token of some sources (for classifier-free guidance). */
export function dropSources(batch: TrainingBatch, rate: number, random: Random): void {
  if (rate === 0) return;
  for (let row = 0; row < batch.rows; row++) {
    if (random.uniform() >= rate) continue;
    batch.mask.fill(0, row * batch.length + 1, (row + 1) * batch.length);
  }
}

/** Rows of a micro-batch lie within this share of each other where slots are left out. */
const SPREAD = 0.2;
/** Most slots that wait beyond the anchor in training: as many as a few-step run starts at a time. */
const MOST_WAITING = 6;

/**
 * Random timesteps for the rows of one micro-batch (SPEC 2). Where slots are left out, its rows are at
 * about the same place, so that they have about the same number, and some slots wait: from them a model
 * learns to start more than one slot at a time, and to look ahead.
 *
 * @param leftToRightShare see {@linkcode DrawOptions}
 * @param placeOf where a row is on its way from text to noise, in [0, 1), given a uniform number; where
 *   slots are left out, it is not asked. Default: at that number
 */
export function randomTimesteps(
  diffusion: ModelConfig["diffusion"],
  leftToRightShare: number | null,
  random: Random,
  placeOf: (uniform: number) => number = (uniform) => uniform,
): TimestepSource {
  const process = processOf(diffusion);
  const uniform = () => placeOf(random.uniform());
  if (!process.leavesSlotsOut) {
    return (slots, targetLength) =>
      process.timesteps(slots).draw(uniform, { leftToRightShare, targetLength });
  }
  const place = random.uniform();
  const waiting = random.below(MOST_WAITING + 1);
  const near = () => reflected(place + SPREAD * (random.uniform() - 0.5));
  return (slots, targetLength) =>
    process.timesteps(slots).draw(near, { leftToRightShare, targetLength, waiting });
}

/** Numbers in [0, 1) of which any run is evenly spread: a golden-ratio sequence. */
function evenPlaces(): () => number {
  let drawn = 0;
  return () => (0.5 + drawn++ * 0.6180339887498949) % 1;
}

/**
 * Timesteps for a loss that can be compared between validations: distributed as in training, but
 * evenly spread over any run of rows instead of random.
 */
export function evenTimesteps(
  diffusion: ModelConfig["diffusion"],
  leftToRightShare: number | null,
): TimestepSource {
  const nextPlace = evenPlaces();
  return (slots, targetLength) =>
    processOf(diffusion).timesteps(slots).draw(nextPlace, { leftToRightShare, targetLength });
}

/** A number a little outside [0, 1), thrown back inside: uniform numbers stay uniform. */
function reflected(value: number): number {
  const inside = value < 0 ? -value : value >= 1 ? 2 - value : value;
  return Math.min(inside, 1 - Number.EPSILON);
}
