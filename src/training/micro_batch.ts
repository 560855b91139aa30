/** From numbers of pairs to the tensors of one micro-batch (SPEC 3). */
import type { ModelConfig } from "../denoiser/config.ts";
import {
  sampleSentenceTimestep,
  sentenceTimestepCount,
  type TimestepGeometry,
  tokenTimesteps,
} from "../diffusion/token_timesteps.ts";
import type { TrainingBatch } from "../native/trainer.ts";
import type { Random } from "./random.ts";
import type { TokenPair } from "./token_cache.ts";

/** Draws the timesteps of the next row, [N]. */
export type TimestepSource = (slots: number) => Int32Array;

/** What is common to the rows of a batch. */
export interface BatchSettings {
  /** Target slots N. */
  readonly slots: number;
  readonly padId: number;
  /** Weight of the loss of padding slots. */
  readonly paddingWeight: number;
}

/**
 * Assembles a batch.
 *
 * @param pairs its rows
 * @param timesteps gives the timesteps of one row after another
 */
export function assembleBatch(
  pairs: readonly TokenPair[],
  { slots, padId, paddingWeight }: BatchSettings,
  timesteps: TimestepSource,
): TrainingBatch & { readonly weights: Float32Array<ArrayBuffer> } {
  const rows = pairs.length;
  const length = Math.max(...pairs.map(({ source }) => source.length));
  const batch = {
    rows,
    length,
    slots,
    ids: new Int32Array(rows * length).fill(padId),
    mask: new Uint8Array(rows * length),
    targetIds: new Int32Array(rows * slots).fill(padId),
    timesteps: new Int32Array(rows * slots),
    weights: new Float32Array(rows * slots).fill(paddingWeight),
  };
  for (const [row, { source, target }] of pairs.entries()) {
    batch.ids.set(source, row * length);
    batch.mask.fill(1, row * length, row * length + source.length);
    batch.targetIds.set(target, row * slots);
    batch.weights.fill(1, row * slots, row * slots + target.length);
    batch.timesteps.set(timesteps(slots), row * slots);
  }
  return batch;
}

/** Hides all but the first token of some sources (for classifier-free guidance). */
export function dropSources(batch: TrainingBatch, rate: number, random: Random): void {
  if (rate === 0) return;
  for (let row = 0; row < batch.rows; row++) {
    if (random.uniform() >= rate) continue;
    batch.mask.fill(0, row * batch.length + 1, (row + 1) * batch.length);
  }
}

/**
 * Random timesteps (SPEC 2).
 *
 * @param leftToRightShare see `sampleSentenceTimestep`
 */
export function randomTimesteps(
  diffusion: ModelConfig["diffusion"],
  leftToRightShare: number | null,
  random: Random,
): TimestepSource {
  return (slots) => {
    const geometry = timestepGeometry(diffusion, slots);
    const index = sampleSentenceTimestep(geometry, random.uniform(), leftToRightShare);
    return tokenTimesteps(geometry, index);
  };
}

/**
 * Timesteps for a loss that can be compared between validations: sentence-level indices evenly
 * spread over any run of rows (a golden-ratio sequence) instead of random ones.
 */
export function evenTimesteps(diffusion: ModelConfig["diffusion"]): TimestepSource {
  let row = 0;
  return (slots) => {
    const geometry = timestepGeometry(diffusion, slots);
    const place = (0.5 + row++ * 0.6180339887498949) % 1;
    return tokenTimesteps(geometry, Math.floor(place * sentenceTimestepCount(geometry)));
  };
}

function timestepGeometry(
  { timesteps, steps, anchor_scale }: ModelConfig["diffusion"],
  slots: number,
): TimestepGeometry {
  return { kind: timesteps, slots, steps, anchorScale: anchor_scale };
}
