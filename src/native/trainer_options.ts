/**
 * What a trainer is told of each micro-batch and of each update: the structs of ardiff.h. An option of
 * `[training]` that has a field's name is handed on by `training/updates.ts`; all others leave a field
 * at its plain value, with which it does nothing.
 */
import { f32, f64, type FieldValues, flag, i32, nameIn, plainValues, u32, u64 } from "./structs.ts";

/** What is computed of a micro-batch: `ardiff_training_options`. */
export const BATCH_FIELDS = {
  /** Accumulate gradients, or only evaluate the loss. */
  backward: flag(true),
  /** Use the averaged weights; only without `backward`. */
  averaged: flag(false),
  /** Whether a first pass without gradient gives the self-conditioning input. */
  selfCondition: flag(false),
  /** What the rounding loss is taken of. */
  roundingLoss: nameIn({ x0: 0, prediction: 1 }, "x0"),
  /** 64 bits of seed. */
  seed: u64(0n),
  /** Number of the update the batch belongs to. */
  step: u32(0),
  /** Number of the batch within the update. */
  microBatch: u32(0),
  dropout: f32(0),
  attentionDropout: f32(0),
  labelSmoothing: f32(0),
  /** Weight of the squared errors beside the rounding loss; 1 in the paper. */
  squaredError: f32(1),
  /** Standard deviation of noise on the self-conditioning input. */
  selfConditioningNoise: f32(0),
  /** What losses and gradients are divided by. */
  normaliser: f32(1),
} as const;

/** The options of a micro-batch. */
export type BatchOptions = FieldValues<typeof BATCH_FIELDS>;

/** A training pass in which nothing is dropped, smoothed or perturbed. */
export const PLAIN_BATCH: BatchOptions = plainValues(BATCH_FIELDS);

/** One step of AdamW: `ardiff_update_options`. */
export const UPDATE_FIELDS = {
  /** Number of this update, from 1. */
  update: i32(1),
  learningRate: f64(0),
  beta1: f64(0.9),
  beta2: f64(0.999),
  epsilon: f64(1e-8),
  weightDecay: f64(0),
  /** Gradients are scaled down to this norm; 0: never. */
  clipNorm: f64(0),
  averageDecay: f64(0),
} as const;

/** The options of an update. */
export type UpdateOptions = FieldValues<typeof UPDATE_FIELDS>;

/** An update of PyTorch's AdamW that changes nothing. */
export const PLAIN_UPDATE: UpdateOptions = plainValues(UPDATE_FIELDS);
