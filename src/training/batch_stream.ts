/** The micro-batches of a run, ready for the network, from any update on. */
import { type ModelConfig, startOf } from "../denoiser/config.ts";
import { processOf } from "../diffusion/process.ts";
import type { TrainingBatch } from "../native/trainer.ts";
import type { TrainingConfig } from "./config.ts";
import { batchesFrom, type BatchRows, type DataPosition } from "./data_order.ts";
import {
  assembleBatch,
  type BatchSettings,
  dropSources,
  randomTimesteps,
  type TimestepSource,
  weightOf,
} from "./micro_batch.ts";
import { Random } from "../random.ts";
import { Purpose } from "./random.ts";
import {
  assembleShifted,
  type BlockWidths,
  randomWidths,
  type ShiftedSettings,
  shiftedWeight,
} from "./shifted_batch.ts";
import type { TokenCache, TokenPair } from "./token_cache.ts";

/** What is trained on. */
export interface TrainingData {
  readonly pairs: TokenCache;
  /** Target slots of every pair. */
  readonly slots: Uint32Array;
}

/** A micro-batch and its part in an update. */
export interface PreparedBatch {
  /** Number of the update it belongs to, from 1. */
  readonly step: number;
  /** Number of the batch within the update, from 0. */
  readonly microBatch: number;
  readonly batch: TrainingBatch;
  /** Whether a first pass gives the self-conditioning input. */
  readonly selfCondition: boolean;
  /** Sum of the weights of all slots of the update. */
  readonly normaliser: number;
  /** Source and target tokens, padding not counted. */
  readonly tokens: number;
  /** Numbers of the pairs. */
  readonly rows: Uint32Array;
  /** Those of all micro-batches of the update, whose ever they are. */
  readonly updateRows: readonly Uint32Array[];
  /** Epoch of the batch, and where its update leaves the data. */
  readonly epoch: number;
  readonly positionAfter: DataPosition;
}

/**
 * Micro-batches without end. What the n-th update gets depends only on the configuration, n, and
 * the position of its data: a resumed run sees what an uninterrupted one would have.
 *
 * @param step number of the first update
 * @param position where its data begin
 * @param place the rank whose micro-batches are wanted, every `size`-th of an update
 */
export function* preparedBatches(
  data: TrainingData,
  config: TrainingConfig,
  model: ModelConfig,
  step: number,
  position: DataPosition,
  { rank, size }: { readonly rank: number; readonly size: number } = { rank: 0, size: 1 },
): Generator<PreparedBatch, never, undefined> {
  const { seed, batch_size: batchSize, accumulation } = config.training;
  const { sourceLengths, targetLengths } = data.pairs;
  // Where slots are left out, their number follows from where a target's tokens end.
  const lengths = processOf(model.diffusion).leavesSlotsOut ? targetLengths : sourceLengths;
  const sizes = { lengths, slots: data.slots };
  const batches = batchesFrom(sizes, { seed, batchSize }, position);
  for (;; step++) {
    const parts = Array.from({ length: accumulation }, () => batches.next().value);
    const weights = parts.map(({ rows }, microBatch) =>
      weightOfRows(rows, data, config, model, step, microBatch)
    );
    const { epoch, batch } = parts.at(-1)!;
    const update = {
      step,
      // Targets of nothing but the end token may have no slot that counts.
      normaliser: weights.reduce((sum, weight) => sum + weight, 0) || 1,
      positionAfter: { epoch, batch: batch + 1 },
      updateRows: parts.map(({ rows }) => rows),
    };
    for (const [microBatch, part] of parts.entries()) {
      if (microBatch % size !== rank) continue;
      yield { ...update, microBatch, ...prepare(part, data, config, model, step, microBatch) };
    }
  }
}

function settingsOf(
  rows: Uint32Array,
  { slots }: TrainingData,
  { training }: TrainingConfig,
  { text }: ModelConfig,
): BatchSettings {
  return {
    slots: slots[rows[0]!]!,
    padId: text.pad_id,
    paddingWeight: training.padding_weight,
  };
}

/** Random numbers for timesteps, the same each time for a micro-batch. */
function timestepRandom({ training }: TrainingConfig, step: number, microBatch: number): Random {
  return new Random(training.seed, Purpose.timesteps, step, microBatch);
}

function assemble(
  rows: Uint32Array,
  texts: readonly TokenPair[],
  data: TrainingData,
  config: TrainingConfig,
  model: ModelConfig,
  random: Random,
): TrainingBatch {
  const settings = settingsOf(rows, data, config, model);
  return model.network.shifted
    ? assembleShifted(texts, shiftedSettings(settings, config, model), widthsOf(config, random))
    : assembleBatch(texts, settings, timestepsOf(config, model, random));
}

/** What a batch in the shifted layout needs besides what every batch does. */
export function shiftedSettings(
  { slots, padId }: Pick<BatchSettings, "slots" | "padId">,
  { training }: TrainingConfig,
  { text, diffusion }: ModelConfig,
): ShiftedSettings {
  return {
    slots,
    padId,
    startId: startOf(text),
    steps: diffusion.steps,
    weights: {
      settled: training.train_only === "token_chain" ? 0 : 1,
      waiting: training.waiting_weight,
    },
  };
}

function widthsOf({ training }: TrainingConfig, random: Random): BlockWidths {
  return randomWidths(training.waiting_slots, random);
}

/** The sum of the weights of the batch that {@linkcode assemble} makes of rows. */
function weightOfRows(
  rows: Uint32Array,
  data: TrainingData,
  config: TrainingConfig,
  model: ModelConfig,
  step: number,
  microBatch: number,
): number {
  const settings = settingsOf(rows, data, config, model);
  const lengths = Array.from(rows, (row) => data.pairs.targetLengths[row]!);
  const random = timestepRandom(config, step, microBatch);
  return model.network.shifted
    ? shiftedWeight(lengths, shiftedSettings(settings, config, model), widthsOf(config, random))
    : weightOf(lengths, settings, timestepsOf(config, model, random));
}

function timestepsOf(
  { diffusion }: TrainingConfig,
  model: ModelConfig,
  random: Random,
): TimestepSource {
  return randomTimesteps(model.diffusion, diffusion.left_to_right_share, random);
}

function prepare(
  { rows, epoch }: BatchRows,
  data: TrainingData,
  config: TrainingConfig,
  model: ModelConfig,
  step: number,
  microBatch: number,
) {
  const { training } = config;
  const random = (purpose: number) => new Random(training.seed, purpose, step, microBatch);
  const texts = Array.from(rows, (row) => data.pairs.read(row));
  const batch = assemble(
    rows,
    texts,
    data,
    config,
    model,
    timestepRandom(config, step, microBatch),
  );
  dropSources(batch, training.source_dropout, random(Purpose.sourceDropout));
  const selfCondition = model.network.self_conditioning &&
    random(Purpose.selfConditioning).uniform() < training.self_conditioning_probability;
  const tokens = texts.reduce((sum, { source, target }) => sum + source.length + target.length, 0);
  return { batch, selfCondition, tokens, rows, epoch };
}
