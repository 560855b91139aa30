/**
 * The training loop proper: one update after another (SPEC 3). While the shim computes a
 * micro-batch, the next one is prepared.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { LossTerms, NativeTrainer } from "../native/trainer.ts";
import {
  BATCH_FIELDS,
  type BatchOptions,
  PLAIN_BATCH,
  PLAIN_UPDATE,
  UPDATE_FIELDS,
} from "../native/trainer_options.ts";
import type { PreparedBatch } from "./batch_stream.ts";
import type { TrainingConfig } from "./config.ts";
import type { DataPosition } from "./data_order.ts";
import { lossesOf, type LossMemory, type RowLosses } from "./loss_memory.ts";
import type { TrainingAt } from "./options.ts";
import type { ProcessGroup } from "./process_group.ts";
import { averageDecay, learningRate, trainingAt } from "./schedules.ts";
import { exchangeAlone, type MicroBatchResult, type UpdateExchange } from "./update_exchange.ts";

/** What an update did. */
export interface Update {
  /** Number of the update, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Loss and its terms, averaged over the slots of the update. */
  readonly terms: LossTerms;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** False where the gradients were not finite and the update was left out. */
  readonly applied: boolean;
  /** Source and target tokens, padding not counted. */
  readonly tokens: number;
  readonly rows: number;
  /** Where the next update's data begin. */
  readonly position: DataPosition;
}

/** An update whose gradients were not finite; the weights are as they were before it. */
export class NonFiniteUpdate extends UserError {
  constructor(message: string) {
    super(ExitCode.diverged, message);
  }
}

/** What {@linkcode updates} works with. */
export interface UpdatesOptions {
  /** The trainer of an update. */
  readonly trainerAt: (step: number) => Promise<UpdateTrainer>;
  readonly batches: Iterator<PreparedBatch, never>;
  readonly config: TrainingConfig;
  /** Updates left out so far. */
  readonly skipped: number;
  /** Names the lines of a micro-batch's pairs, for messages. */
  readonly describeRows: (batch: Pick<PreparedBatch, "step" | "rows">) => string;
  /** Is told of every micro-batch that has been computed, and how many seconds it took. */
  readonly onBatch?: (prepared: PreparedBatch, seconds: number) => void;
  /** Whether to end between the micro-batches of an update; what it has gathered is dropped. */
  readonly isOver?: () => boolean;
  /**
   * Opens the exchange of an update of some micro-batches with other ranks, whose own are not in
   * `batches`. Default: there are none.
   */
  readonly exchangeOf?: (microBatches: number) => UpdateExchange;
  /** What the run remembers of losses, where it does, and whom it shares them with. */
  readonly memory?: { readonly losses: LossMemory; readonly group: ProcessGroup };
  /** The learning rate of an update. Default: the configuration's. */
  readonly rateAt?: (step: number) => number;
}

type UpdateTrainer = Pick<NativeTrainer, "batch" | "update">;

/**
 * Makes updates until it is over.
 *
 * @throws {NonFiniteUpdate} where gradients are not finite, unless the configuration says to skip
 */
export async function* updates(options: UpdatesOptions): AsyncGenerator<Update, void, undefined> {
  const { trainerAt, batches, config, describeRows, onBatch, isOver = () => false } = options;
  const { exchangeOf = exchangeAlone, memory } = options;
  let { skipped } = options;
  let next = batches.next().value;
  for (;;) {
    const { step, epoch, positionAfter: position, updateRows } = next;
    const training = trainingAt(config.training, step);
    const trainer = await trainerAt(step);
    const exchange = exchangeOf(updateRows.length);
    const mine: MicroBatchResult[] = [];
    const losses = new Map<number, readonly RowLosses[]>();
    for (let isLast = false; !isLast;) {
      const prepared = next;
      ({ isLast } = prepared);
      const began = performance.now();
      const slotTerms = slotTermsOf(prepared);
      const running = trainer.batch(prepared.batch, batchOptions(prepared, training), slotTerms);
      let terms: LossTerms;
      try {
        // What is remembered of this update decides what the next is.
        if (!(isLast && memory)) next = batches.next().value;
      } finally {
        terms = await running;
      }
      onBatch?.(prepared, (performance.now() - began) / 1000);
      mine.push({ terms, tokens: prepared.tokens, rows: prepared.rows.length });
      if (slotTerms) {
        losses.set(prepared.microBatch, lossesOf(prepared.batch, prepared.drawn!, slotTerms));
      }
      if (await exchange.addGradients(isOver)) return;
    }
    const parts = await exchange.finish(mine);

    const rate = options.rateAt?.(step) ?? learningRate(training, step);
    const { gradientNorm, applied } = await trainer.update({
      ...PLAIN_UPDATE,
      ...namedAs(UPDATE_FIELDS, training),
      update: step - skipped,
      learningRate: rate,
      averageDecay: averageDecay(training, step - skipped),
    });
    if (!applied) {
      if (training.non_finite === "stop") throw nonFinite(step, parts, updateRows, describeRows);
      skipped++;
    }
    if (memory) {
      await memory.losses.add(step, applied ? losses : new Map(), memory.group);
      next = batches.next().value;
    }
    yield {
      step,
      epoch,
      terms: sumOf(parts.map(({ terms }) => terms)),
      gradientNorm,
      learningRate: rate,
      applied,
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
      position,
    };
  }
}

/** Room for the losses of slots, where they are to be remembered. */
function slotTermsOf({ batch, drawn }: PreparedBatch): Float32Array<ArrayBuffer> | undefined {
  return drawn && new Float32Array(6 * batch.rows * batch.slots);
}

function batchOptions(
  { step, microBatch, selfCondition, normaliser }: PreparedBatch,
  training: TrainingAt,
): BatchOptions {
  return {
    ...PLAIN_BATCH,
    ...namedAs(BATCH_FIELDS, training),
    selfCondition,
    seed: BigInt(training.seed),
    step,
    microBatch,
    normaliser,
  };
}

/** Options that are handed on as they are: those that have the name of a field, in snake case. */
function namedAs(
  fields: Readonly<Record<string, unknown>>,
  training: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(fields).flatMap((field) => {
      const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return name in training ? [[field, training[name]]] : [];
    }),
  );
}

function sumOf(terms: readonly LossTerms[]): LossTerms {
  const sum = (of: (terms: LossTerms) => number) => terms.reduce((total, t) => total + of(t), 0);
  return {
    loss: sum((t) => t.loss),
    mse: sum((t) => t.mse),
    nll: sum((t) => t.nll),
    prior: sum((t) => t.prior),
  };
}

function nonFinite(
  step: number,
  parts: readonly MicroBatchResult[],
  updateRows: readonly Uint32Array[],
  describeRows: UpdatesOptions["describeRows"],
): NonFiniteUpdate {
  const microBatch = parts.findIndex(({ terms }) => !Number.isFinite(terms.loss));
  const what = microBatch < 0
    ? "the gradients are not finite although the loss is"
    : `the loss of micro-batch ${microBatch} is ${parts[microBatch]!.terms.loss} (` +
      `${describeRows({ step, rows: updateRows[microBatch]! })})`;
  return new NonFiniteUpdate(
    `Stopped at step ${step}: ${what}; lower training.learning_rate, or leave such updates out ` +
      'with --resume --set training.non_finite="skip"',
  );
}
