/**
 * A sampling plan: everything that a run of the reverse process needs besides the network, as flat
 * arrays that a generic native step can read. It depends on no text, so one plan serves all
 * sentences of the same number of slots.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { SamplerName, StepGridKind } from "./names.ts";
import type { DiffusionProcess } from "./process.ts";

/** How a run goes through a process. */
export interface SamplingRun {
  /** The number of target slots N. */
  readonly slots: number;
  /** The number of network evaluations M. */
  readonly evaluations: number;
  /** Where the evaluations lie. */
  readonly grid: StepGridKind;
  /** How a latent moves between them. */
  readonly sampler: SamplerName;
  /** DDIM's share of fresh noise, from 0 to 1; the other samplers ignore it. */
  readonly eta: number;
}

/** The numbers per coefficient group of {@linkcode SamplingPlan.coefficients}. */
export const COEFFICIENTS_PER_SLOT = 4;

/** The steps of one run, all arrays row-major with one row per network evaluation. */
export interface SamplingPlan {
  /** The number of network evaluations M. */
  readonly evaluations: number;
  /** The number of target slots N. */
  readonly slots: number;
  /** The step grid, [M+1], falling to 0. */
  readonly sentenceTimesteps: Int32Array<ArrayBuffer>;
  /** The timestep of every slot at each evaluation, [M, N]. */
  readonly from: Int32Array<ArrayBuffer>;
  /** The timestep of every slot after the move, [M, N]. */
  readonly to: Int32Array<ArrayBuffer>;
  /** `from` as the time embedding takes it, [M, N]. */
  readonly timesteps: Float32Array<ArrayBuffer>;
  /** Coefficients of z, x0_hat, noise and the previous x0_hat, [M, N, 4]. */
  readonly coefficients: Float32Array<ArrayBuffer>;
  /** What the latent is multiplied by before it enters the network, [M, N]; 1 for F = 1. */
  readonly inputScale: Float32Array<ArrayBuffer>;
  /** 1 where a slot does not move, so that its prediction need not be rounded, [M, N]. */
  readonly atRest: Uint8Array<ArrayBuffer>;
  /**
   * How many slots take part in each evaluation, [M]: all, or where the anchor moves those that have
   * started when it is over.
   */
  readonly present: Int32Array<ArrayBuffer>;
}

/**
 * Plans a run: from standard normal noise times F at the noisiest timestep down to timestep 0.
 *
 * @throws {UserError} where M does not fit the number of timesteps, or eta is not from 0 to 1
 */
export function samplingPlan(
  process: DiffusionProcess,
  { slots, evaluations, grid, sampler, eta }: SamplingRun,
): SamplingPlan {
  if (!(eta >= 0 && eta <= 1)) {
    throw new UserError(ExitCode.usage, `Cannot use eta ${eta}: expected a number from 0 to 1`);
  }
  const sentenceTimesteps = process.grid(slots, evaluations, grid);
  const timesteps = process.timesteps(slots);
  const plan = {
    evaluations,
    slots,
    sentenceTimesteps,
    from: new Int32Array(evaluations * slots),
    to: new Int32Array(evaluations * slots),
    timesteps: new Float32Array(evaluations * slots),
    coefficients: new Float32Array(evaluations * slots * COEFFICIENTS_PER_SLOT),
    inputScale: new Float32Array(evaluations * slots),
    atRest: new Uint8Array(evaluations * slots),
    present: new Int32Array(evaluations),
  };
  let previous: Int32Array<ArrayBuffer> | null = null;
  let from = timesteps.at(sentenceTimesteps[0]!);
  for (let step = 0; step < evaluations; step++) {
    const to = timesteps.at(sentenceTimesteps[step + 1]!);
    plan.from.set(from, step * slots);
    plan.to.set(to, step * slots);
    plan.present[step] = timesteps.present(to);
    for (let slot = 0; slot < slots; slot++) {
      const at = step * slots + slot;
      const move = { previous: previous?.[slot] ?? null, from: from[slot]!, to: to[slot]! };
      const { z, x0, noise, previousX0 } = process.coefficients(move, sampler, eta);
      plan.coefficients.set([z, x0, noise, previousX0], at * COEFFICIENTS_PER_SLOT);
      plan.timesteps[at] = process.scaledTimestep(move.from);
      plan.inputScale[at] = process.inputScale(move.from);
      plan.atRest[at] = move.from === move.to ? 1 : 0;
    }
    previous = from;
    from = to;
  }
  return plan;
}
