/**
 * Adaptive calls for networks whose slots go through timesteps (the paper's): a slot that two calls
 * agree on, and the second surely, arrives at timestep 0 in the next, whatever the grid says; a row is
 * done when all slots up to its end have arrived, and calls stop when all rows are.
 */
import type { DiffusionProcess } from "../diffusion/process.ts";
import { COEFFICIENTS_PER_SLOT } from "../diffusion/plan.ts";
import type { GenerationStep } from "../native/generation.ts";

/** A slot's prediction counts as sure from this probability on. */
const SURE = 0.9;

type PlanStep = Omit<GenerationStep, "round">;

/** Follows the slots of a batch. Rows are independent. */
export class SlotSettler {
  readonly #rows: number;
  readonly #slots: number;
  readonly #endId: number;
  readonly #sure: number;
  /** What each slot was last predicted to be, [R, N]. */
  readonly #tokens: Int32Array<ArrayBuffer>;
  /** [R, N] 1 where two calls agree, 2 where the slot has arrived. */
  readonly #state: Uint8Array<ArrayBuffer>;
  /** Calls that each row took, [R]. */
  readonly calls: Int32Array<ArrayBuffer>;
  readonly #done: boolean[];
  readonly #inOrder: (row: number) => boolean;

  /** @param inOrder rows whose slots arrive from the left: those whose tokens are judged by what is left of them */
  constructor(
    rows: number,
    slots: number,
    endId: number,
    inOrder: (row: number) => boolean = () => false,
  ) {
    this.#inOrder = inOrder;
    this.#rows = rows;
    this.#slots = slots;
    this.#endId = endId;
    this.#sure = Math.log(SURE);
    this.#tokens = new Int32Array(rows * slots).fill(-1);
    this.#state = new Uint8Array(rows * slots);
    this.calls = new Int32Array(rows);
    this.#done = Array<boolean>(rows).fill(false);
  }

  /** Whether every row is done. */
  get done(): boolean {
    return this.#done.every(Boolean);
  }

  /**
   * A step of the plan as the rows take it: slots that two calls agree on arrive in it, and those that
   * have arrived stay.
   */
  apply(step: PlanStep, process: DiffusionProcess): PlanStep {
    const repeat = <T extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
      values: T,
      into: T,
    ): T => {
      for (let row = 0; row < this.#rows; row++) into.set(values, row * values.length);
      return into;
    };
    const size = this.#rows * this.#slots;
    const own = {
      ...step,
      rows: this.#rows,
      timesteps: repeat(step.timesteps, new Float32Array(size)),
      inputScale: repeat(step.inputScale, new Float32Array(size)),
      coefficients: repeat(step.coefficients, new Float32Array(size * COEFFICIENTS_PER_SLOT)),
      atRest: repeat(step.atRest, new Uint8Array(size)),
    };
    for (const [at, state] of this.#state.entries()) {
      if (state === 0) continue;
      const coefficients = state === 1 ? [0, 1, 0, 0] : [1, 0, 0, 0];
      own.coefficients.set(coefficients, at * COEFFICIENTS_PER_SLOT);
      own.atRest[at] = state === 1 ? 0 : 1;
      if (state === 1) continue;
      own.timesteps[at] = process.scaledTimestep(0);
      own.inputScale[at] = process.inputScale(0);
    }
    return own;
  }

  /**
   * Takes in what a call predicts.
   *
   * @param predicted [R, N] token ids, -1 where there is none
   * @param logProbability [R, N] theirs
   * @param atRest [R, N] of the step, as it was applied
   */
  observe(predicted: Int32Array, logProbability: Float32Array, atRest: Uint8Array): void {
    for (let row = 0; row < this.#rows; row++) {
      if (this.#done[row]) continue;
      this.calls[row]!++;
      let arrived = true, settled = true;
      for (let slot = 0; slot < this.#slots; slot++) {
        const at = row * this.#slots + slot;
        const token = predicted[at]!;
        if (this.#state[at] === 1) this.#state[at] = 2;
        else if (
          this.#state[at] === 0 && atRest[at] === 0 && token === this.#tokens[at] && token !== -1 &&
          logProbability[at]! >= this.#sure && (settled || !this.#inOrder(row))
        ) this.#state[at] = 1;
        settled &&= this.#state[at] !== 0;
        if (this.#state[at] !== 2 || atRest[at] === 0) this.#tokens[at] = token;
        arrived &&= this.#state[at] === 2;
        if (arrived && this.#tokens[at] === this.#endId) break;
      }
      this.#done[row] = arrived;
    }
  }
}
