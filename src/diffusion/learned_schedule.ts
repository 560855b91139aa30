/**
 * SeqDiffuSeq's schedule (Yuan et al. 2024): every position has a noise schedule of its own, learned so
 * that the loss of the position grows evenly from timestep 0 to T - 1.
 *
 * Here all positions keep the noise schedule of the process, and what is learned is at which of its
 * timesteps a position is when the sentence is at t: the one whose abar is nearest.
 */

/** abar of one position over a sentence's timesteps, on straight lines between knots. */
export interface PositionSchedule {
  /** Timesteps of the sentence, rising, [K]. */
  readonly at: readonly number[];
  /** abar there, falling, [K]. */
  readonly alpha_bar: readonly number[];
}

/** Whether a value of a configuration is a schedule. */
export function isPositionSchedule(value: unknown): value is PositionSchedule {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) return false;
  const { at, alpha_bar: abar } = value as Partial<Record<keyof PositionSchedule, unknown>>;
  return areNumbers(at) && areNumbers(abar) && at.length === abar.length && at.length > 1 &&
    at.every((t, i) => i === 0 || t >= at[i - 1]!) &&
    abar.every((share, i) => share >= 0 && share <= (abar[i - 1] ?? 1));
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(Number.isFinite);
}

/** Losses rise by at least so much from a group to the next, and a schedule goes beyond them by it. */
const LEAST_RISE = 1e-5;

/** Knots of a schedule made of the losses of some groups of timesteps: one a group, one at each end. */
export function knotsOf(groups: number): number {
  return groups + 2;
}

/** The first timestep of a group, of `groups` that divide 0..T-1 evenly; of group `groups`, T. */
function groupStart(group: number, groups: number, steps: number): number {
  return Math.ceil(group * steps / groups);
}

/**
 * The timesteps at which a position is, [T], by the sentence's: 0 and T - 1 at the ends, never falling.
 *
 * @param alphaBar of the process, [T], falling
 */
export function timestepsOf(
  { at, alpha_bar }: PositionSchedule,
  alphaBar: ArrayLike<number>,
): Int32Array<ArrayBuffer> {
  const steps = alphaBar.length;
  const timesteps = new Int32Array(steps);
  let knot = 0, timestep = 0;
  for (let t = 0; t < steps; t++) {
    while (knot < at.length - 1 && at[knot + 1]! <= t) knot++;
    const abar = between(at, alpha_bar, knot, t);
    while (timestep < steps - 1 && isNearer(alphaBar, timestep + 1, abar)) timestep++;
    timesteps[t] = timestep;
  }
  timesteps[0] = 0;
  timesteps[steps - 1] = steps - 1;
  return timesteps;
}

/** The value at t on the line that begins at a knot; before the first knot and after the last, theirs. */
function between(
  at: readonly number[],
  values: readonly number[],
  knot: number,
  t: number,
): number {
  const [left, right] = [at[knot]!, at[knot + 1]];
  if (t <= left || right === undefined) return values[knot]!;
  return values[knot]! + (values[knot + 1]! - values[knot]!) * (t - left) / (right - left);
}

/** Whether a value is nearer to an entry of a falling table than to the entry before it. */
function isNearer(falling: ArrayLike<number>, index: number, value: number): boolean {
  return value - falling[index]! < falling[index - 1]! - value;
}

/**
 * The schedule by which the losses of a position would have been even: its knots are the mean abar of
 * each group of timesteps, at the place that the group's loss has between the least and the greatest.
 *
 * @param losses mean loss of each group, [G]
 * @param timesteps at which the position was when they were taken, [T]
 * @param alphaBar of the process, [T]
 */
export function renewedSchedule(
  losses: ArrayLike<number>,
  timesteps: ArrayLike<number>,
  alphaBar: ArrayLike<number>,
): PositionSchedule {
  const groups = losses.length, steps = alphaBar.length;
  const rising: number[] = [];
  for (let group = 0; group < groups; group++) {
    rising.push(Math.max(losses[group]!, (rising[group - 1] ?? -Infinity) + LEAST_RISE));
  }
  const means = rising.map((_, group) => {
    const [start, end] = [group, group + 1].map((edge) => groupStart(edge, groups, steps));
    let sum = 0;
    for (let t = start!; t < end!; t++) sum += alphaBar[timesteps[t]!]!;
    return sum / (end! - start!);
  });
  const first = rising[0]! - (rising[1]! - rising[0]!) / 2;
  const last = rising.at(-1)! + (rising.at(-1)! - rising.at(-2)!) / 2;
  const low = first - LEAST_RISE, high = last + LEAST_RISE;
  return {
    at: [first, ...rising, last].map((loss) =>
      Math.fround((loss - low) / (high - low) * (steps - 1))
    ),
    alpha_bar: [alphaBar[0]!, ...means, alphaBar[steps - 1]!].map(Math.fround),
  };
}
