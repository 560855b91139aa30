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

/** What a process exchanges with others in one update. */
export interface UpdateExchange {
  /**
   * Gives away the gradient of this rank's next micro-batch.
   *
   * @param isOver whether this rank would end within the update
   * @returns whether all ranks do, because one would and there are micro-batches left
   */
  addGradients(isOver: () => boolean): Promise<boolean>;
  /**
   * Puts the sum of all gradients of the update into the trainer.
   *
   * @param mine results of this rank's micro-batches
   * @returns those of all micro-batches of the update, in their order
   */
  finish(mine: readonly MicroBatchResult[]): Promise<readonly MicroBatchResult[]>;
}

/** Nothing is exchanged: the trainer itself adds up gradients. */
export function exchangeAlone(microBatches: number): UpdateExchange {
  let done = 0;
  return {
    addGradients: (isOver) => Promise.resolve(++done < microBatches && isOver()),
    finish: (mine) => Promise.resolve(mine),
  };
}

/** Numbers that stand for a result. */
const FIELDS = 6;

/** What an exchange asks of a trainer. */
type ExchangeTrainer = Pick<NativeTrainer, "size" | "takeGradients" | "write">;

/** The exchanges of a rank, one update after another. */
export class Exchanges {
  readonly #group: ProcessGroup;
  #gradients = new Float32Array(0);

  constructor(group: ProcessGroup) {
    this.#group = group;
  }

  /**
   * The exchange of an update.
   *
   * @param trainer that of the update
   * @param microBatches of the update, at least as many as there are ranks
   */
  of(trainer: ExchangeTrainer, microBatches: number): UpdateExchange {
    if (this.#group.size === 1) return exchangeAlone(microBatches);
    if (this.#gradients.length !== trainer.size) this.#gradients = new Float32Array(trainer.size);
    return exchangeWith(this.#group, trainer, microBatches, this.#gradients);
  }
}

/** @param gradients room for a gradient */
function exchangeWith(
  group: ProcessGroup,
  trainer: ExchangeTrainer,
  microBatches: number,
  gradients: Float32Array<ArrayBuffer>,
): UpdateExchange {
  const { size } = group;
  const rounds = Math.ceil(microBatches / size);
  let round = 0;
  const add = () => group.addGradients(gradients, Math.min(size, microBatches - round++ * size));
  return {
    async addGradients(isOver) {
      trainer.takeGradients(gradients);
      await add();
      // All ranks have a micro-batch in every round but the last, so that all come by here.
      if (round === rounds) return false;
      const wishes = await group.gatherNumbers(Float64Array.of(Number(isOver())));
      return wishes.includes(1);
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
