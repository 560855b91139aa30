/**
 * Step grids: at which sentence-level timesteps the network is evaluated (SPEC 5 and 7.1).
 *
 * All grids cost the same M evaluations. They differ in where the moves between them are large:
 * the paper's even grid steps evenly in the index, and spends almost nothing where slots start one
 * after another; the others step evenly in what those moves do to the latents.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { StepGridKind } from "./names.ts";
import { alphaBarAt, type NoiseSchedule } from "./noise_schedule.ts";
import type { SlotTimesteps } from "./timesteps/scheme.ts";

/** What a step grid depends on. */
interface StepGridOptions {
  /** What is spaced evenly. */
  readonly kind: StepGridKind;
  /** The number of network evaluations M, from 1 to the number of sentence-level indices. */
  readonly evaluations: number;
  /** The indices to choose from. */
  readonly timesteps: SlotTimesteps;
  /** The noise schedule, for log-SNRs. */
  readonly schedule: NoiseSchedule;
  /** The noise factor F, which shifts the log-SNR. */
  readonly noiseFactor: number;
}

/**
 * Log-SNRs are clamped to plus and minus this before they are averaged. Below it a latent is noise
 * to the eye of any denoiser, and the sqrt schedule's last steps, which fall to -30, would take
 * most of the grid; above it nothing is left to decide.
 */
const LOG_SNR_LIMIT = 6;

/** How much less the last slot counts than the first in the `left` grid. */
const RIGHT_DISCOUNT = 0.9;

/**
 * The sentence-level timesteps of a grid, [M+1]: M indices in strictly falling order from the
 * noisiest at which the network is evaluated, then 0. (Where M is the number of all indices the
 * last evaluation is at 0 itself.)
 *
 * @throws {UserError} where M evaluations do not fit the number of sentence-level indices
 */
export function stepGrid(options: StepGridOptions): Int32Array<ArrayBuffer> {
  const { kind, evaluations, timesteps, schedule, noiseFactor } = options;
  const { count } = timesteps;
  if (!Number.isSafeInteger(evaluations) || evaluations < 1 || evaluations > count) {
    throw new UserError(
      ExitCode.usage,
      `Cannot generate in ${evaluations} steps: expected an integer from 1 to ${count}`,
    );
  }
  switch (kind) {
    case "even":
      return evenGrid(count, evaluations);
    case "movement":
      return equalChangeGrid(meanOverSlots(timesteps, (timestep) => timestep), evaluations);
    case "log-snr":
    case "left": {
      const noisiness = schedule.alphaBar.map((_, t) => -clampedLogSnr(schedule, t, noiseFactor));
      const last = Math.max(timesteps.slots - 1, 1);
      const weightOf = (slot: number) => kind === "left" ? 1 - RIGHT_DISCOUNT * slot / last : 1;
      return equalChangeGrid(meanOverSlots(timesteps, (t) => noisiness[t]!, weightOf), evaluations);
    }
  }
}

/** indices = [count-1, ..., 0][::floor(count/M)][:M], then 0 (SPEC 5). */
function evenGrid(count: number, evaluations: number): Int32Array<ArrayBuffer> {
  const stride = Math.floor(count / evaluations);
  const grid = new Int32Array(evaluations + 1);
  for (let k = 0; k < evaluations; k++) grid[k] = count - 1 - k * stride;
  return grid;
}

/** The mean over slots of a function of the timestep, for every sentence-level index. */
function meanOverSlots(
  timesteps: SlotTimesteps,
  value: (timestep: number) => number,
  weightOf: (slot: number) => number = () => 1,
) {
  const weights = Float64Array.from({ length: timesteps.slots }, (_, slot) => weightOf(slot));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from({ length: timesteps.count }, (_, i) => {
    const here = timesteps.at(i);
    return weights.reduce((sum, weight, n) => sum + weight * value(here[n]!), 0) / all;
  });
}

/** log(abar / (F^2 (1 - abar))) within the limits that a mean can bear. */
function clampedLogSnr(schedule: NoiseSchedule, timestep: number, noiseFactor: number): number {
  const abar = alphaBarAt(schedule, timestep);
  const logSnr = Math.log(abar / (noiseFactor ** 2 * (1 - abar)));
  return Math.min(Math.max(logSnr, -LOG_SNR_LIMIT), LOG_SNR_LIMIT);
}

/**
 * Indices at which a potential that never falls with the index changes by equal amounts: the k-th
 * is the one whose potential is nearest to max - k (max - min) / M, moved as little as needed so
 * that all are distinct and the first is the last index.
 *
 * @param potential one value per sentence-level index
 */
function equalChangeGrid(potential: Float64Array, evaluations: number): Int32Array<ArrayBuffer> {
  const last = potential.length - 1;
  const low = potential[0]!;
  const high = potential[last]!;
  const grid = new Int32Array(evaluations + 1);
  grid[0] = last;
  for (let k = 1; k < evaluations; k++) {
    const target = high - k * (high - low) / evaluations;
    const remaining = evaluations - 1 - k;
    const lowest = Math.min(remaining + 1, grid[k - 1]! - 1);
    grid[k] = Math.min(Math.max(nearestIndex(potential, target), lowest), grid[k - 1]! - 1);
  }
  return grid;
}

/** The index whose value in a non-falling array is nearest to a target (the lower one in a tie). */
function nearestIndex(values: Float64Array, target: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < target) low = middle + 1;
    else high = middle;
  }
  return low > 0 && target - values[low - 1]! <= values[low]! - target ? low - 1 : low;
}
