/** The micro-batches of a run, ready for the network, from any update on. */
import { type ModelConfig, startOf } from "../denoiser/config.ts";
import { processOf } from "../diffusion/process.ts";
import type { TrainingBatch } from "../native/trainer.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingAt } from "./options.ts";
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
import { slotsOfPairs } from "./slots.ts";
import type { DrawnRow, LossMemory } from "./loss_memory.ts";
import { trainingAt } from "./schedules.ts";
import type { TokenPair } from "./token_cache.ts";
import type { Pairs, TrainingPairs } from "./training_pairs.ts";

/** What an update is trained on and by. */
interface UpdateContext {
  readonly pairs: Pairs;
  /** Target slots of every pair. */
  readonly slots: Uint32Array;
  readonly model: ModelConfig;
  /** The options as they are at the update. */
  readonly training: TrainingAt;
  readonly leftToRightShare: number | null;
  readonly memory: LossMemory | undefined;
  readonly step: number;
}

/** A micro-batch and its part in an update. */
export interface PreparedBatch {
  /** Number of the update it belongs to, from 1. */
  readonly step: number;
  /** Number of the batch within the update, from 0. */
  readonly microBatch: number;
  readonly batch: TrainingBatch;
  /** Where its rows were drawn, in a run that remembers losses. */
  readonly drawn?: readonly DrawnRow[];
  /** Whether it is the last of the update here. */
  readonly isLast: boolean;
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
  /** Micro-batches of that epoch. */
  readonly ofEpoch: number;
  readonly positionAfter: DataPosition;
}

/**
 * Micro-batches without end. What the n-th update gets depends only on the configuration, n, and
 * the position of its data: a resumed run sees what an uninterrupted one would have.
 *
 * @param step number of the first update
 * @param position where its data begin, or where those of the update before ended
 * @param memory by what is remembered when the first micro-batch of an update is asked for, rows are
 *   drawn; undefined where nothing is
 * @param place the rank whose micro-batches are wanted, every `size`-th of an update
 */
export function* preparedBatches(
  allPairs: TrainingPairs,
  config: TrainingConfig,
  model: ModelConfig,
  step: number,
  position: DataPosition,
  memory?: LossMemory,
  { rank, size }: { readonly rank: number; readonly size: number } = { rank: 0, size: 1 },
): Generator<PreparedBatch, never, undefined> {
  let batches: Iterator<BatchRows, never> | undefined;
  let pairs = allPairs.at(step), slots = slotsOfPairs(pairs, model.text);
  for (;; step++) {
    if (allPairs.changeAt(step)) {
      [pairs, batches] = [allPairs.at(step), undefined];
      slots = slotsOfPairs(pairs, model.text);
      position = { epoch: position.epoch + 1, batch: 0 };
    }
    batches ??= batchesOf(pairs, slots, config, model, position);
    const next = batches;
    const training = trainingAt(config.training, step);
    const { left_to_right_share: leftToRightShare } = config.diffusion;
    const now = memory?.model ?? model;
    const context = { pairs, slots, model: now, training, leftToRightShare, memory, step };
    const parts = Array.from({ length: training.accumulation }, () => next.next().value);
    const weights = parts.map(({ rows }, microBatch) => weightOfRows(rows, context, microBatch));
    const { epoch, batch } = parts.at(-1)!;
    position = { epoch, batch: batch + 1 };
    const update = {
      step,
      // Targets of nothing but the end token may have no slot that counts.
      normaliser: weights.reduce((sum, weight) => sum + weight, 0) || 1,
      positionAfter: position,
      updateRows: parts.map(({ rows }) => rows),
    };
    for (const [microBatch, part] of parts.entries()) {
      if (microBatch % size !== rank) continue;
      const isLast = microBatch + size >= parts.length;
      yield { ...update, microBatch, isLast, ...prepare(part, context, microBatch) };
    }
  }
}

function batchesOf(
  { sourceLengths, targetLengths }: Pairs,
  slots: Uint32Array,
  { training: { seed, batch_size: batchSize, batch_tokens: batchTokens } }: TrainingConfig,
  { diffusion }: ModelConfig,
  position: DataPosition,
): Iterator<BatchRows, never> {
  // Where slots are left out, their number follows from where a target's tokens end.
  const lengths = processOf(diffusion).leavesSlotsOut ? targetLengths : sourceLengths;
  const sizes = { lengths, slots, sourceLengths, targetLengths };
  return batchesFrom(sizes, { seed, batchSize, batchTokens }, position);
}

function settingsOf(
  rows: Uint32Array,
  { slots, training, model }: UpdateContext,
): BatchSettings {
  return {
    slots: slots[rows[0]!]!,
    padId: model.text.pad_id,
    paddingWeight: training.padding_weight,
  };
}

/** Random numbers for timesteps, the same each time for a micro-batch. */
function timestepRandom({ training, step }: UpdateContext, microBatch: number): Random {
  return new Random(training.seed, Purpose.timesteps, step, microBatch);
}

function assemble(
  rows: Uint32Array,
  texts: readonly TokenPair[],
  context: UpdateContext,
  random: Random,
): Pick<PreparedBatch, "batch" | "drawn"> {
  const { model, memory } = context;
  const settings = settingsOf(rows, context);
  if (model.network.shifted) {
    const widths = widthsOf(context, random);
    return { batch: assembleShifted(texts, shiftedOf(settings, context), widths) };
  }
  const places: number[] = [];
  const batch = assembleBatch(texts, settings, timestepsOf(context, random, places));
  if (memory === undefined) return { batch };
  const drawn = texts.map(({ target }, row) => ({ place: places[row]!, tokens: target.length }));
  memory.weigh(batch, drawn);
  return { batch, drawn };
}

/** What a batch in the shifted layout needs besides what every batch does. */
export function shiftedSettings(
  { slots, padId }: Pick<BatchSettings, "slots" | "padId">,
  weights: ShiftedSettings["weights"],
  { text, diffusion }: ModelConfig,
): ShiftedSettings {
  return { slots, padId, startId: startOf(text), steps: diffusion.steps, weights };
}

function shiftedOf(settings: BatchSettings, { training, model }: UpdateContext): ShiftedSettings {
  const weights = {
    settled: training.train_only === "token_chain" ? 0 : 1,
    waiting: training.waiting_weight,
  };
  return shiftedSettings(settings, weights, model);
}

function widthsOf({ training }: UpdateContext, random: Random): BlockWidths {
  return randomWidths(training.waiting_slots, random);
}

/** The sum of the weights of the batch that {@linkcode assemble} makes of rows. */
function weightOfRows(rows: Uint32Array, context: UpdateContext, microBatch: number): number {
  const { pairs, model } = context;
  const settings = settingsOf(rows, context);
  const lengths = Array.from(rows, (row) => pairs.targetLengths[row]!);
  const random = timestepRandom(context, microBatch);
  return model.network.shifted
    ? shiftedWeight(lengths, shiftedOf(settings, context), widthsOf(context, random))
    : weightOf(lengths, settings, timestepsOf(context, random));
}

/** @param places receives where each row is on its way from text to noise, in a run that remembers losses */
function timestepsOf(
  { model, leftToRightShare, memory }: UpdateContext,
  random: Random,
  places: number[] = [],
): TimestepSource {
  if (memory === undefined) return randomTimesteps(model.diffusion, leftToRightShare, random);
  return randomTimesteps(model.diffusion, leftToRightShare, random, (uniform) => {
    const place = memory.placeOf(uniform);
    places.push(place);
    return place;
  });
}

function prepare({ rows, epoch, ofEpoch }: BatchRows, context: UpdateContext, microBatch: number) {
  const { training, model, pairs, step } = context;
  const random = (purpose: number) => new Random(training.seed, purpose, step, microBatch);
  const texts = Array.from(rows, (row) => pairs.read(row));
  const assembled = assemble(rows, texts, context, timestepRandom(context, microBatch));
  dropSources(assembled.batch, training.source_dropout, random(Purpose.sourceDropout));
  const selfCondition = model.network.self_conditioning &&
    random(Purpose.selfConditioning).uniform() < training.self_conditioning_probability;
  const tokens = texts.reduce((sum, { source, target }) => sum + source.length + target.length, 0);
  return { ...assembled, selfCondition, tokens, rows, epoch, ofEpoch };
}
