/**
 * What a run remembers of losses by timestep: for the loss-second-moment sampler, and for timesteps that
 * are learned. It changes after an update, by the losses of all its rows in their order, so that it is
 * a function of seed and updates, whatever number of ranks there is; it lies in checkpoints.
 */
import type { ModelConfig } from "../denoiser/config.ts";
import { processOf } from "../diffusion/process.ts";
import type { TrainingBatch } from "../native/trainer.ts";
import type { TrainingConfig } from "./config.ts";
import { LossSecondMoment } from "./loss_second_moment.ts";
import { PositionLosses } from "./position_losses.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Groups of a schedule's losses in its source. */
const SCHEDULE_GROUPS = 100;

/** What is to be known of a row before its losses are. */
export interface DrawnRow {
  /** Where it is on its way from text to noise, in [0, 1). */
  readonly place: number;
  /** Tokens of its target. */
  readonly tokens: number;
}

/** The losses of a row. */
export interface RowLosses {
  readonly place: number;
  /** The mean over its slots, weighted as in training. */
  readonly loss: number;
  /** Mean over channels, of the slots of its tokens. */
  readonly squaredErrors: readonly number[];
}

/** The memory of a run. */
export class LossMemory {
  /** All that is remembered, for checkpoints and other ranks. */
  readonly state: Float32Array<ArrayBuffer>;
  readonly #parts: () => Parts;
  #sampler: LossSecondMoment | undefined;
  #positions: PositionLosses | undefined;
  #model: ModelConfig;

  private constructor(
    model: ModelConfig,
    state: Float32Array<ArrayBuffer>,
    parts: () => Parts,
  ) {
    this.#model = model;
    this.state = state;
    this.#parts = parts;
    ({ sampler: this.#sampler, positions: this.#positions } = parts());
  }

  /** The memory at the start of a run; undefined where nothing is to be remembered. */
  static of({ training, diffusion }: TrainingConfig, model: ModelConfig): LossMemory | undefined {
    const { loss_groups: groups, timestep_sampler, schedule_every: every } = training;
    const isSampling = timestep_sampler === "loss_second_moment";
    const isLearning = diffusion.timesteps === "learned";
    if (!isSampling && !isLearning) return undefined;
    const { steps } = diffusion;
    const drawn = groups ?? steps;
    const learned = {
      groups: groups ?? Math.min(SCHEDULE_GROUPS, steps),
      positions: model.text.target_slots,
      every,
      alphaBar: processOf(model.diffusion).schedule.alphaBar,
    };
    const first = isSampling ? LossSecondMoment.size(drawn) : 0;
    const state = new Float32Array(first + (isLearning ? PositionLosses.size(learned) : 0));
    return new LossMemory(model, state, () => ({
      sampler: isSampling ? new LossSecondMoment(drawn, state.subarray(0, first)) : undefined,
      positions: isLearning ? new PositionLosses(learned, state.subarray(first)) : undefined,
    }));
  }

  /** The model's configuration, with the schedule that was last made. */
  get model(): ModelConfig {
    return this.#model;
  }

  /** Puts back what {@linkcode LossMemory.state} was. */
  restore(state: Float32Array): void {
    this.state.set(state);
    ({ sampler: this.#sampler, positions: this.#positions } = this.#parts());
    this.#takeSchedule();
  }

  /** Where a row is, given a uniform number in [0, 1). */
  placeOf(uniform: number): number {
    return this.#sampler?.placeOf(uniform) ?? uniform;
  }

  /** Weighs the losses of rows by how likely they were drawn. */
  weigh(batch: TrainingBatch, rows: readonly DrawnRow[]): void {
    if (this.#sampler === undefined) return;
    for (const [row, { place }] of rows.entries()) {
      const weight = this.#sampler.weightAt(place);
      const [start, end] = [row * batch.slots, (row + 1) * batch.slots];
      for (let slot = start; slot < end; slot++) batch.weights![slot]! *= weight;
    }
  }

  /**
   * Remembers the losses of an update.
   *
   * @param mine those of this rank's micro-batches, by the number of the micro-batch
   */
  async add(
    step: number,
    mine: ReadonlyMap<number, readonly RowLosses[]>,
    group: ProcessGroup,
  ): Promise<void> {
    for (const rows of await allOf(mine, group)) {
      for (const { place, loss, squaredErrors } of rows) {
        this.#sampler?.add(place, loss);
        this.#positions?.add(place, squaredErrors);
      }
    }
    if (!this.#positions?.isDue(step)) return;
    this.#positions.renew();
    this.#takeSchedule();
  }

  #takeSchedule(): void {
    if (this.#positions === undefined) return;
    const diffusion = { ...this.#model.diffusion, learned_schedule: this.#positions.schedule };
    this.#model = { ...this.#model, diffusion };
  }
}

/** What makes up a memory. */
interface Parts {
  readonly sampler: LossSecondMoment | undefined;
  readonly positions: PositionLosses | undefined;
}

/** The losses of all ranks, in the order of micro-batches. */
async function allOf(
  mine: ReadonlyMap<number, readonly RowLosses[]>,
  group: ProcessGroup,
): Promise<Iterable<readonly RowLosses[]>> {
  if (group.size === 1) return mine.values();
  const parts = await group.gatherTexts(JSON.stringify([...mine]));
  const all = parts.flatMap((json): [number, RowLosses[]][] => JSON.parse(json));
  return all.sort(([left], [right]) => left - right).map(([, rows]) => rows);
}

/**
 * The losses of a batch's rows.
 *
 * @param slotTerms see `NativeTrainer.batch`
 */
export function lossesOf(
  { slots, timesteps, weights }: TrainingBatch,
  rows: readonly DrawnRow[],
  slotTerms: Float32Array,
): RowLosses[] {
  const all = timesteps.length;
  return rows.map(({ place, tokens }, row) => {
    let sum = 0, weight = 0;
    const squaredErrors: number[] = [];
    for (let slot = row * slots; slot < (row + 1) * slots; slot++) {
      sum += weights![slot]! * slotTerms[slot]!;
      weight += weights![slot]!;
      // Against x0, or against the clean embedding at timestep 0.
      const error = slotTerms[(timesteps[slot] === 0 ? 5 : 4) * all + slot]!;
      if (slot - row * slots < tokens) squaredErrors.push(error);
    }
    return { place, loss: sum / (weight || 1), squaredErrors };
  });
}
