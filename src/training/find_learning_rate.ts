/**
 * The learning-rate range test (Smith 2017): updates with a learning rate that grows from one to the
 * next, and the loss of each. Where it falls fastest and where it turns tell a good peak.
 */
import { tell } from "../host/messages.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import type { TrainingSettings } from "./config.ts";
import { describeRun } from "./describe_run.ts";
import type { TrainOptions } from "./request.ts";
import { openTrial } from "./trial.ts";
import { NonFiniteUpdate } from "./updates.ts";

/** Learning rates of the first and of the last update. */
const RANGE = [1e-6, 1] as const;
/** Updates where `maxSteps` does not say. */
const UPDATES = 100;
/** Share of the smoothed loss that the next one keeps. */
const SMOOTHING = 0.9;
/** A smoothed loss so many times the lowest ends the test. */
const DIVERGED = 1.5;

/** Updates over which a fall is measured. */
const SPAN = 5;

/** An update of the test. */
export interface RangePoint {
  readonly learningRate: number;
  readonly loss: number;
  /** A moving average of the losses so far. */
  readonly smoothed: number;
}

/**
 * Makes the test, with the first updates of a run; nothing is kept of it.
 *
 * @param options `maxSteps` is the number of updates, 100 by default
 * @returns the updates up to where the loss diverged
 * @throws {UserError} as `train()` does before its first update
 */
export async function findLearningRate(
  configuration: string | TrainingSettings,
  options: TrainOptions,
  io: ProgressOutput,
): Promise<RangePoint[]> {
  using run = await openTrial(configuration, options, io);
  tell(io, describeRun(run));
  const count = options.maxSteps ?? UPDATES;
  const deadline = performance.now() + 60_000 * (options.maxMinutes ?? Infinity);
  const points: RangePoint[] = [];
  try {
    for await (const { step, terms } of run.updates({ rateAt: (step) => rateAt(step, count) })) {
      points.push(pointAfter(points, rateAt(step, count), terms.loss));
      if (step >= count || hasDiverged(points) || performance.now() >= deadline) break;
    }
  } catch (error) {
    if (!(error instanceof NonFiniteUpdate)) throw error; // such a rate is beyond the range
  }
  return points;
}

/** The learning rate of an update, from 1 to count: each a multiple of the one before. */
export function rateAt(step: number, count: number): number {
  const [first, last] = RANGE;
  return first * (last / first) ** ((step - 1) / Math.max(count - 1, 1));
}

/** The point of a loss after those before it; the average has no bias towards its start. */
export function pointAfter(
  before: readonly RangePoint[],
  learningRate: number,
  loss: number,
): RangePoint {
  const weightOf = (count: number) => 1 - SMOOTHING ** count;
  const sum = (before.at(-1)?.smoothed ?? 0) * weightOf(before.length);
  const smoothed = (SMOOTHING * sum + (1 - SMOOTHING) * loss) / weightOf(before.length + 1);
  return { learningRate, loss, smoothed };
}

/** Whether the smoothed loss has risen far above its lowest. */
export function hasDiverged(points: readonly RangePoint[]): boolean {
  return points.at(-1)!.smoothed > DIVERGED * Math.min(...points.map(({ smoothed }) => smoothed));
}

/** What the test tells, in a sentence. */
export function describeRange(points: readonly RangePoint[]): string {
  if (points.length < 10) {
    return "Too few updates to tell a learning rate from: give more with --max-steps.";
  }
  const lowest = points.reduce((a, b) => b.smoothed < a.smoothed ? b : a);
  const falls = points.slice(SPAN).map((point, i) => ({
    rate: point.learningRate,
    fall: points[i]!.smoothed - point.smoothed,
  }));
  const fastest = falls.reduce((a, b) => b.fall > a.fall ? b : a);
  const format = (rate: number) => rate.toExponential(1);
  return `The loss falls fastest at a learning rate of ${format(fastest.rate)} and is lowest at ` +
    `${format(lowest.learningRate)}; a tenth of that is a peak to begin with: ` +
    `${format(lowest.learningRate / 10)}.`;
}

/** The points as a table of tab-separated values. */
export function rangeTable(points: readonly RangePoint[]): string {
  const rows = points.map((
    { learningRate, loss, smoothed },
  ) => [learningRate.toExponential(4), loss.toFixed(4), smoothed.toFixed(4)]);
  return [["learning_rate", "loss", "smoothed"], ...rows].map((row) => `${row.join("\t")}\n`)
    .join("");
}
