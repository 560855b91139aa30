/**
 * How ranks share an update: micro-batch m is that of rank m mod N. Gradients are summed in the order of
 * micro-batches, each formed from zero, so that the sum has the same bits for any number of ranks.
 */
import type { LossTerms, NativeTrainer } from "../native/trainer.ts";
import type { ProcessGroup } from "./process_group.ts";

/** What a micro-batch came to. */
export interface MicroBatchResult {
  readonly terms: LossTerms;
  /** Source and target tokens, padding not counted. */
  readonly tokens: number;
  readonly rows: number;
}

/** What the updates of a process exchange with those of others. */
export interface UpdateExchange {
  /** Gives away the gradient of this rank's next micro-batch. */
  addGradients(): Promise<void>;
  /**
   * Puts the sum of all gradients of the update into the trainer.
   *
   * @param mine results of this rank's micro-batches
   * @returns those of all micro-batches of the update, in their order
   */
  finish(mine: readonly MicroBatchResult[]): Promise<readonly MicroBatchResult[]>;
}

/** Nothing is exchanged: the trainer itself adds up gradients. */
export const NO_EXCHANGE: UpdateExchange = {
  addGradients: () => Promise.resolve(),
  finish: (mine) => Promise.resolve(mine),
};

/** Numbers that stand for a result. */
const FIELDS = 6;

/**
 * The exchange of a rank in one update.
 *
 * @param microBatches micro-batches of the update, at least as many as there are ranks
 * @param gradients room for those of a trainer
 */
export function updateExchange(
  trainer: Pick<NativeTrainer, "takeGradients" | "write">,
  group: ProcessGroup,
  microBatches: number,
  gradients: Float32Array<ArrayBuffer>,
): UpdateExchange {
  const { size } = group;
  const rounds = Math.ceil(microBatches / size);
  let round = 0;
  const add = () => group.addGradients(gradients, Math.min(size, microBatches - round++ * size));
  return {
    async addGradients() {
      trainer.takeGradients(gradients);
      await add();
    },
    async finish(mine) {
      if (round < rounds) await add(); // the last round is not this rank's
      await group.collectGradients(gradients);
      trainer.write("gradients", gradients);
      const numbers = new Float64Array(FIELDS * rounds);
      mine.forEach(({ terms: { loss, mse, nll, prior }, tokens, rows }, i) => {
        numbers.set([loss, mse, nll, prior, tokens, rows], FIELDS * i);
      });
      const all = await group.gatherNumbers(numbers);
      return Array.from({ length: microBatches }, (_, microBatch) => {
        const start = FIELDS * (microBatch % size * rounds + Math.floor(microBatch / size));
        return resultOf(all.subarray(start, start + FIELDS));
      });
    },
  };
}

function resultOf(numbers: Float64Array): MicroBatchResult {
  const [loss = NaN, mse = NaN, nll = NaN, prior = NaN, tokens = 0, rows = 0] = numbers;
  return { terms: { loss, mse, nll, prior }, tokens, rows };
}
