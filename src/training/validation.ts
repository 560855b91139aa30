/**
 * What the averaged weights can do by now: their loss on held-out pairs by timestep, and BLEU of
 * what they generate, and chrF.
 */
import type { ModelConfig } from "../denoiser/config.ts";
import { corpusBleu } from "../metrics/bleu.ts";
import { corpusChrf } from "../metrics/chrf.ts";
import type { LossTerms, NativeTrainer } from "../native/trainer.ts";
import { PLAIN_BATCH } from "../native/trainer_options.ts";
import { shiftedSettings } from "./batch_stream.ts";
import type { TrainingConfig } from "./config.ts";
import { assembleBatch, type AssembledBatch, evenTimesteps } from "./micro_batch.ts";
import type { TrainingAt } from "./options.ts";
import type { ProcessGroup } from "./process_group.ts";
import { trainingAt } from "./schedules.ts";
import { assembleShifted, NOTHING_WAITS } from "./shifted_batch.ts";
import type { TokenPair } from "./token_cache.ts";
import type { PairGroup, ValidationSet } from "./validation_set.ts";

/** Whether the run has been asked to end. */
type IsInterrupted = () => boolean;

/** Generates a line for each line with the averaged weights; undefined where it was interrupted. */
export type TextGenerator = (
  lines: readonly string[],
  isInterrupted: IsInterrupted,
) => Promise<string[] | undefined>;

/** Mean losses of slots (of the text, padding left out) whose timesteps lie near each other. */
interface TimestepBucket {
  /** First timestep, and the one after the last. */
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  readonly mse: number;
  readonly nll: number;
}

/** A generated line beside what it was made from. */
export interface Sample {
  readonly source: string;
  readonly output: string;
  readonly reference: string;
}

/** The outcome of a validation. */
export interface Validation {
  /** Averaged over slots as in training. */
  readonly terms: LossTerms;
  readonly byTimestep: readonly TimestepBucket[];
  /** Corpus BLEU as sacreBLEU computes it, 0 to 100; null where no lines are translated. */
  readonly bleu: number | null;
  /** chrF likewise; absent in logs from before it was noted. */
  readonly chrf?: number | null;
  /** Lines that were translated for them; absent in logs from before it was noted. */
  readonly lines?: number;
  /** Of the first lines, unselected. */
  readonly samples: readonly Sample[];
}

/** Weights with which the loss is that of the settled slots, whatever is trained. */
const EVERY_SLOT = { settled: 1, waiting: 1 };

/** Parts into which the timesteps are divided. */
const BUCKETS = 10;

/**
 * Validates; the same noise and timesteps each time, so that results can be compared. Ranks share the
 * work, and all get the whole result, the same for any number of them.
 *
 * @returns undefined where it was interrupted, on any rank
 */
export async function validate(
  trainer: NativeTrainer,
  set: ValidationSet,
  config: TrainingConfig,
  model: ModelConfig,
  generateTexts: TextGenerator,
  isInterrupted: IsInterrupted,
  group: ProcessGroup,
): Promise<Validation | undefined> {
  const loss = await validationLoss(trainer, set.groups, config, model, isInterrupted, group);
  if (loss === undefined) return undefined;
  if (set.examples.length === 0) return { ...loss, bleu: null, chrf: null, samples: [] };
  const sources = set.examples.map(({ source }) => source);
  const outputs = await sharedTexts(sources, generateTexts, isInterrupted, group);
  if (outputs === undefined) return undefined;
  const references = set.examples.map(({ references }) => references);
  const { score: bleu } = corpusBleu(outputs, references);
  const chrf = corpusChrf(outputs, references);
  const samples = set.examples.slice(0, config.validation.samples)
    .map(({ source, references }, i) => ({
      source,
      output: outputs[i]!,
      reference: references[0]!,
    }));
  return { ...loss, bleu, chrf, lines: outputs.length, samples };
}

/** Generates for all lines; every rank takes each N-th. */
async function sharedTexts(
  lines: readonly string[],
  generateTexts: TextGenerator,
  isInterrupted: IsInterrupted,
  group: ProcessGroup,
): Promise<string[] | undefined> {
  const mine = await generateTexts(
    lines.filter((_, index) => index % group.size === group.rank),
    isInterrupted,
  );
  const parts: (string[] | null)[] = (await group.gatherTexts(JSON.stringify(mine ?? null)))
    .map((json) => JSON.parse(json));
  if (parts.includes(null)) return undefined;
  return lines.map((_, i) => parts[i % group.size]![Math.floor(i / group.size)]!);
}

/** The pairs of one micro-batch. */
interface ValidationBatch {
  readonly slots: number;
  readonly pairs: readonly TokenPair[];
}

/** What a micro-batch came to; plain JSON, for other ranks. */
interface BatchLoss {
  readonly terms: LossTerms;
  /** Sum of the weights of its slots. */
  readonly weight: number;
  readonly buckets: readonly BucketSum[];
}

/** The loss of the averaged weights, without dropout. */
async function validationLoss(
  trainer: NativeTrainer,
  groups: readonly PairGroup[],
  config: TrainingConfig,
  model: ModelConfig,
  isInterrupted: IsInterrupted,
  group: ProcessGroup,
): Promise<Pick<Validation, "terms" | "byTimestep"> | undefined> {
  // As at the end of the run, so that all validations of it can be compared.
  const training = trainingAt(config.training, config.training.steps);
  const timesteps = evenTimesteps(model.diffusion, config.diffusion.left_to_right_share);
  const batches = batchesOf(groups, training.batch_size);
  const mine: BatchLoss[] = [];
  for (const [place, { slots, pairs }] of batches.entries()) {
    if (place % group.size === 0) {
      const stops = await group.gatherNumbers(Float64Array.of(Number(isInterrupted())));
      if (stops.includes(1)) return undefined;
    }
    const settings = { slots, padId: model.text.pad_id, paddingWeight: training.padding_weight };
    // Those of other ranks too: the timesteps of a batch follow those of the batches before it.
    const batch = model.network.shifted
      ? assembleShifted(pairs, shiftedSettings(settings, EVERY_SLOT, model), NOTHING_WAITS)
      : assembleBatch(pairs, settings, timesteps);
    if (place % group.size !== group.rank) continue;
    mine.push(await batchLoss(trainer, batch, pairs, place, training, model));
  }
  const parts: BatchLoss[][] = (await group.gatherTexts(JSON.stringify(mine)))
    .map((json) => JSON.parse(json));
  const losses = batches.map((_, i) => parts[i % group.size]![Math.floor(i / group.size)]!);
  return meansOf(losses, model.diffusion.steps);
}

function batchesOf(groups: readonly PairGroup[], size: number): ValidationBatch[] {
  return groups.flatMap(({ slots, pairs }) =>
    Array.from({ length: Math.ceil(pairs.length / size) }, (_, i) => ({
      slots,
      pairs: pairs.slice(i * size, (i + 1) * size),
    }))
  );
}

async function batchLoss(
  trainer: NativeTrainer,
  batch: AssembledBatch,
  pairs: readonly TokenPair[],
  microBatch: number,
  training: TrainingAt,
  model: ModelConfig,
): Promise<BatchLoss> {
  const slotTerms = new Float32Array(6 * batch.rows * batch.slots);
  const terms = await trainer.batch(batch, {
    ...PLAIN_BATCH,
    backward: false,
    averaged: true,
    selfCondition: model.network.self_conditioning,
    roundingLoss: training.rounding_loss,
    squaredError: training.squared_error,
    seed: BigInt(training.seed),
    microBatch,
  }, slotTerms);
  const buckets = new BucketSums(model.diffusion.steps);
  pairs.forEach(({ target }, row) => {
    const count = Math.min(target.length, batch.present[row]!);
    buckets.add(batch.timesteps, slotTerms, row * batch.slots + batch.firstScored, count);
  });
  const weight = batch.weights.reduce((sum, value) => sum + value, 0);
  return { terms, weight, buckets: buckets.sums };
}

function meansOf(
  losses: readonly BatchLoss[],
  steps: number,
): Pick<Validation, "terms" | "byTimestep"> {
  const buckets = new BucketSums(steps);
  const sums = { loss: 0, mse: 0, nll: 0, prior: 0 };
  let weight = 0;
  for (const loss of losses) {
    for (const name of ["loss", "mse", "nll", "prior"] as const) sums[name] += loss.terms[name];
    weight += loss.weight;
    buckets.merge(loss.buckets);
  }
  return {
    terms: {
      loss: sums.loss / weight,
      mse: sums.mse / weight,
      nll: sums.nll / weight,
      prior: sums.prior / weight,
    },
    byTimestep: buckets.means(),
  };
}

/** Sums over slots of a bucket. */
interface BucketSum {
  slots: number;
  mse: number;
  nll: number;
}

/** Sums of slot losses by timestep. */
class BucketSums {
  readonly #steps: number;
  readonly sums: readonly BucketSum[] = Array.from(
    { length: BUCKETS },
    () => ({ slots: 0, mse: 0, nll: 0 }),
  );

  constructor(steps: number) {
    this.#steps = steps;
  }

  /**
   * Adds neighbouring slots.
   *
   * @param slotTerms loss, mse, nll, ... of all slots of the batch, see `NativeTrainer.batch`
   */
  add(timesteps: Int32Array, slotTerms: Float32Array, start: number, count: number): void {
    const [mse, nll] = [timesteps.length, 2 * timesteps.length];
    for (let slot = start; slot < start + count; slot++) {
      const sum = this.sums[Math.floor(timesteps[slot]! * BUCKETS / this.#steps)]!;
      sum.slots++;
      sum.mse += slotTerms[mse + slot]!;
      sum.nll += slotTerms[nll + slot]!;
    }
  }

  /** Adds sums of other slots. */
  merge(others: readonly BucketSum[]): void {
    others.forEach(({ slots, mse, nll }, i) => {
      const sum = this.sums[i]!;
      sum.slots += slots;
      sum.mse += mse;
      sum.nll += nll;
    });
  }

  /** The buckets that have slots. */
  means(): TimestepBucket[] {
    const edge = (bucket: number) => Math.ceil(bucket * this.#steps / BUCKETS);
    return this.sums
      .map(({ slots, mse, nll }, i) => ({
        from: edge(i),
        to: edge(i + 1),
        slots,
        mse: mse / slots,
        nll: nll / slots,
      }))
      .filter(({ slots }) => slots > 0);
  }
}
