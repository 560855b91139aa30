/**
 * The noise schedule: how much of the signal is left at each timestep (SPEC 1, paper section 2).
 *
 * The forward process of one slot is z_t = sqrt(abar[t]) x0 + F sqrt(1 - abar[t]) eps with
 * abar[t] = prod_{j<=t} (1 - beta_j). The noise factor F is 1 in the paper; with F > 1 the denoiser
 * sees inputs rescaled to the variance they would have under F = 1 (see {@linkcode inputScale}).
 */
import { ExitCode, UserError } from "../errors.ts";
import type { LatentView, NoiseScheduleName } from "./names.ts";

/** A noise schedule evaluated at every timestep. */
export interface NoiseSchedule {
  /** Its name in configurations. */
  readonly name: NoiseScheduleName;
  /** The number of diffusion steps T; timesteps run from 0 (least noise) to T - 1. */
  readonly steps: number;
  /** The share of signal variance left at each timestep, [T], strictly falling. */
  readonly alphaBar: Float64Array<ArrayBuffer>;
}

/** No single step removes more than this share of the signal, so that abar never reaches 0. */
const MAX_BETA = 0.999;

/**
 * Evaluates a noise schedule.
 *
 * - `sqrt` (Diffusion-LM and the paper): abar(u) = 1 - sqrt(u + 1e-4);
 * - `cosine` (improved DDPM): abar(u) = cos((u + 0.008) / 1.008 * pi / 2)^2;
 * - `linear` (DDPM): beta from 1e-4 to 0.02 over 1000 steps, rescaled to T steps.
 *
 * @param steps the number of diffusion steps T
 * @throws {UserError} where T is not a positive integer, or too small for the linear schedule
 */
export function noiseSchedule(name: NoiseScheduleName, steps: number): NoiseSchedule {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new UserError(
      ExitCode.model,
      `Cannot build a noise schedule of ${steps} steps: expected a positive integer`,
    );
  }
  const beta = betaOf(name, steps);
  const alphaBar = new Float64Array(steps);
  let product = 1;
  for (let i = 0; i < steps; i++) {
    product *= 1 - beta(i);
    alphaBar[i] = product;
  }
  return { name, steps, alphaBar };
}

/**
 * The factor on the latent at a timestep before it enters the network, by what the network is shown. A
 * latent of x0 with unit variance has variance v = abar + F^2 (1 - abar); the factor is 1 / sqrt(v), 1, or
 * sqrt(abar) / v, with which it is the mean of x0 given the latent; gated, abar of the first and 1 - abar of
 * the third. For F = 1 the first is exactly 1: the paper feeds latents as they are.
 */
export function inputScale(
  schedule: NoiseSchedule,
  timestep: number,
  noiseFactor: number,
  view: LatentView = "unit_variance",
): number {
  if (view === "as_is" || (view === "unit_variance" && noiseFactor === 1)) return 1;
  const abar = alphaBarAt(schedule, timestep);
  const variance = abar + noiseFactor ** 2 * (1 - abar);
  const toUnit = 1 / Math.sqrt(variance), toMean = Math.sqrt(abar) / variance;
  if (view === "gated") return abar * toUnit + (1 - abar) * toMean;
  return view === "expected_x0" ? toMean : toUnit;
}

/** abar at a timestep; a timestep outside 0..T-1 is a defect of the caller. */
export function alphaBarAt(schedule: NoiseSchedule, timestep: number): number {
  const abar = schedule.alphaBar[timestep];
  if (abar === undefined) {
    throw new RangeError(`Timestep ${timestep} is outside 0..${schedule.steps - 1}`);
  }
  return abar;
}

/**
 * The timestep as the denoiser's time embedding takes it: t, or t * 1000 / T where rescaling is on.
 *
 * Rounded to float32 twice, as float32 tensor arithmetic does: the embedding's highest frequency
 * turns a relative error of 1e-7 into an absolute phase error of 1e-4.
 */
export function scaledTimestep(timestep: number, steps: number, rescale: boolean): number {
  return rescale ? Math.fround(timestep * Math.fround(1000 / steps)) : timestep;
}

/** beta_i of a schedule as a function of i. */
function betaOf(name: NoiseScheduleName, steps: number): (i: number) => number {
  switch (name) {
    case "sqrt":
      return betaFromAlphaBar((u) => 1 - Math.sqrt(u + 1e-4), steps);
    case "cosine":
      return betaFromAlphaBar((u) => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2, steps);
    case "linear":
      return linearBeta(steps);
  }
}

/** beta_i = min(1 - abar((i+1)/T) / abar(i/T), 0.999) for a continuous abar(u), u in [0, 1]. */
function betaFromAlphaBar(alphaBar: (u: number) => number, steps: number): (i: number) => number {
  return (i) => Math.min(1 - alphaBar((i + 1) / steps) / alphaBar(i / steps), MAX_BETA);
}

function linearBeta(steps: number): (i: number) => number {
  const first = 1e-4 * 1000 / steps;
  const last = 0.02 * 1000 / steps;
  if (last >= 1) {
    throw new UserError(
      ExitCode.model,
      `Cannot build a linear noise schedule of ${steps} steps: it needs more than 20`,
    );
  }
  return (i) => first + (last - first) * i / (steps - 1);
}
