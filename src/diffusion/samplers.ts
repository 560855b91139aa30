/**
 * Samplers: how a slot's latent moves from one timestep to a lower one, given the denoiser's
 * prediction x0_hat (SPEC 5).
 *
 * Each is the same update with other coefficients,
 *
 *   z := c_z z + c_x0 x0_hat + c_noise eps + c_previous x0_hat of the previous evaluation,
 *
 * so that the native step knows none of them by name. With a = abar[from], b = abar[to] and the
 * noise factor F of the forward process z_t = sqrt(abar[t]) x0 + F sqrt(1 - abar[t]) eps, only the
 * coefficient of fresh noise depends on F: every Gaussian involved has F^2 times the variance it
 * has under F = 1, which leaves the conditional means alone.
 */
import type { SamplerName } from "./names.ts";
import { alphaBarAt, type NoiseSchedule } from "./noise_schedule.ts";

/** The coefficients of one slot in one step. */
export interface StepCoefficients {
  /** Of the latent z. */
  readonly z: number;
  /** Of the prediction x0_hat. */
  readonly x0: number;
  /** Of fresh standard normal noise. */
  readonly noise: number;
  /** Of the prediction at the previous evaluation. */
  readonly previousX0: number;
}

/** A move of one slot. Timesteps never rise: `previous` >= `from` >= `to`. */
export interface Move {
  /** The timestep of the previous evaluation, or null at the first. */
  readonly previous: number | null;
  /** The timestep of this evaluation. */
  readonly from: number;
  /** The timestep after the move. */
  readonly to: number;
}

/** A sampler and its parameters. */
export interface SamplerOptions {
  /** Its name. */
  readonly sampler: SamplerName;
  /** For `ddim`: 0 is deterministic, 1 adds as much noise as `posterior` (Song et al. 2021). */
  readonly eta: number;
  /** The noise factor F the model was trained with. */
  readonly noiseFactor: number;
}

/** A slot that does not move is left exactly as it is. */
const AT_REST: StepCoefficients = { z: 1, x0: 0, noise: 0, previousX0: 0 };

/**
 * The coefficients of a move. A slot that arrives at timestep 0 gets no noise; one at rest
 * (`from` = `to`) keeps its latent: z is exactly 1 and the others are exactly 0.
 */
export function stepCoefficients(
  schedule: NoiseSchedule,
  move: Move,
  { sampler, eta, noiseFactor }: SamplerOptions,
): StepCoefficients {
  if (move.from < move.to) {
    throw new RangeError(`A slot cannot move from timestep ${move.from} up to ${move.to}`);
  }
  if (move.from === move.to) return AT_REST;
  switch (sampler) {
    case "posterior":
      return posterior(schedule, move, noiseFactor);
    case "ddim":
      return ddim(schedule, move, noiseFactor, eta);
    case "dpm++2m":
      return multistep(schedule, move);
  }
}

/** q(z_to | z_from, x0_hat): ancestral sampling that skips timesteps. */
function posterior(schedule: NoiseSchedule, { from, to }: Move, noiseFactor: number) {
  const a = alphaBarAt(schedule, from);
  const b = alphaBarAt(schedule, to);
  const deviation = noiseFactor * Math.sqrt((1 - a / b) * (1 - b) / (1 - a));
  return {
    z: Math.sqrt(a / b) * (1 - b) / (1 - a),
    x0: Math.sqrt(b) * (1 - a / b) / (1 - a),
    noise: to === 0 ? 0 : deviation,
    previousX0: 0,
  };
}

/** Denoising diffusion implicit models (Song et al. 2021, equation 12) with x0 prediction. */
function ddim(schedule: NoiseSchedule, { from, to }: Move, noiseFactor: number, eta: number) {
  const a = alphaBarAt(schedule, from);
  const b = alphaBarAt(schedule, to);
  const sigma = eta * Math.sqrt((1 - b) / (1 - a) * (1 - a / b));
  // The noise kept from z: (z - sqrt(a) x0) / sqrt(1 - a) is F times the predicted eps. The
  // variance left for it cannot be negative for eta <= 1, but rounding may make it so.
  const z = Math.sqrt(Math.max(1 - b - sigma ** 2, 0) / (1 - a));
  return {
    z,
    x0: Math.sqrt(b) - z * Math.sqrt(a),
    noise: to === 0 ? 0 : noiseFactor * sigma,
    previousX0: 0,
  };
}

/**
 * The extrapolation by the previous prediction never weighs more than this. The textbook weight is
 * h / (2 h_previous), which has no bound when a short move (a slot that has only just started)
 * comes before a long one, and would then amplify the difference of two rough predictions.
 */
const MAX_EXTRAPOLATION = 1;

/**
 * DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): the second-order multistep solver of the
 * deterministic process, in log-SNR lambda = log(sqrt(abar) / sqrt(1 - abar)). With h the step in
 * lambda and D = x0_hat + w (x0_hat - previous x0_hat), w = h / (2 h_previous),
 * z := sigma_to / sigma_from z - alpha_to (exp(-h) - 1) D. F cancels in sigma ratio and h.
 *
 * First order (DDIM with eta = 0) where there is no previous move and for the last one, to 0.
 */
function multistep(schedule: NoiseSchedule, { previous, from, to }: Move): StepCoefficients {
  const a = alphaBarAt(schedule, from);
  const b = alphaBarAt(schedule, to);
  const z = Math.sqrt((1 - b) / (1 - a));
  const x0 = Math.sqrt(b) - z * Math.sqrt(a);
  if (previous === null || previous === from || to === 0) return { z, x0, noise: 0, previousX0: 0 };
  const h = lambda(b) - lambda(a);
  const hPrevious = lambda(a) - lambda(alphaBarAt(schedule, previous));
  const weight = Math.min(h / (2 * hPrevious), MAX_EXTRAPOLATION);
  return { z, x0: x0 * (1 + weight), noise: 0, previousX0: -x0 * weight };
}

/** Half the log-SNR at F = 1. */
function lambda(abar: number): number {
  return Math.log(abar / (1 - abar)) / 2;
}
