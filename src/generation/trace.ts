/** How a sentence settles: what the network predicted for each slot at each call. */
import type { SamplingPlan } from "../diffusion/plan.ts";

/** The record of one candidate. */
export interface Trace {
  /** Network calls M. */
  readonly calls: number;
  /** Target slots N. */
  readonly slots: number;
  /** The token of x0_hat, [M, N]; -1 for slots that were left out. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** The timestep of every slot at the call, [M, N], 0 to T - 1. */
  readonly timesteps: Int32Array<ArrayBuffer>;
  /** The probability of each slot's last token by the prediction that it settled from, [N]. */
  readonly probabilities?: Float32Array<ArrayBuffer>;
  /** Tokens that had been drafted and that the call did not confirm, [M, N]; -1 elsewhere. */
  readonly rejected?: Int32Array<ArrayBuffer>;
}

/** Takes down what a batch predicts. */
export class TraceRecorder {
  /** One for each row. */
  readonly traces: readonly Trace[];
  readonly #plan: SamplingPlan;

  constructor(rows: number, plan: SamplingPlan) {
    this.#plan = plan;
    const { evaluations: calls, slots, from: timesteps } = plan;
    this.traces = Array.from(
      { length: rows },
      () => ({ calls, slots, tokens: new Int32Array(calls * slots), timesteps }),
    );
  }

  /**
   * Takes down a call. A slot that has arrived at timestep 0 keeps its token: what is predicted for it
   * from then on has no effect.
   *
   * @param predicted [R, N] token ids, -1 for slots that are left out
   */
  record(call: number, predicted: Int32Array): void {
    const { slots, from, atRest } = this.#plan;
    for (const [row, { tokens }] of this.traces.entries()) {
      for (let slot = 0; slot < slots; slot++) {
        const at = call * slots + slot;
        const token = predicted[row * slots + slot]!;
        const arrived = call > 0 && token !== -1 && atRest[at] === 1 && from[at] === 0;
        tokens[at] = arrived ? tokens[at - slots]! : token;
      }
    }
  }
}

/**
 * The call from which on a slot keeps its token, [N]; for a slot that was dropped that of its last
 * token before.
 */
export function settlingCalls({ calls, slots, tokens }: Trace): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: slots }, (_, slot) => {
    const at = (call: number) => tokens[call * slots + slot]!;
    let call = calls - 1;
    while (call > 0 && at(call) === -1) call--;
    while (call > 0 && at(call - 1) === at(call)) call--;
    return call;
  });
}
