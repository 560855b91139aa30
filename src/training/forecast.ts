/**
 * How long a run will take, told from its first micro-batch, and whether it can learn in that time.
 * Arithmetic and sentences only.
 */
import { formatDuration } from "../host/status_line.ts";
import type { OptionValues } from "./options.ts";
import { beginnings } from "./scheduled.ts";
import { averageDecay, trainingAt } from "./schedules.ts";

/** What a forecast is made from. */
export interface ForecastInput {
  readonly training: OptionValues["training"];
  /** Updates that were made before. */
  readonly step: number;
  /** The last update of this part of the run. */
  readonly last: number;
  /** Seconds until its time is over; infinite without a limit. */
  readonly secondsLeft: number;
  /** What one micro-batch had, source and target tokens without padding, and how long it took. */
  readonly measured: { readonly tokens: number; readonly seconds: number };
  /** What an epoch has. */
  readonly epoch: { readonly tokens: number; readonly microBatches: number };
  /** Processes that share an update. Default: one. */
  readonly ranks?: number;
}

/** A forecast, in seconds where nothing else is said. */
interface Forecast {
  readonly update: number;
  readonly epoch: number;
  /** Updates in an epoch; fewer than 1 where one takes several epochs. */
  readonly updatesPerEpoch: number;
  /** Updates that are to be made. */
  readonly updates: number;
  /** What they would take. */
  readonly run: number;
  /** Of these updates, how many there is time for. */
  readonly possible: number;
}

/** Scales the time of one micro-batch to updates, an epoch and the run. */
export function forecast(input: ForecastInput): Forecast {
  const { training, step, last, secondsLeft, measured, epoch, ranks = 1 } = input;
  const epochSeconds = measured.seconds * epoch.tokens / Math.max(measured.tokens, 1);
  const batchSeconds = epochSeconds / epoch.microBatches;
  const roundsOf = (update: number) => Math.ceil(trainingAt(training, update).accumulation / ranks);
  const secondsOf = (update: number) => batchSeconds * roundsOf(update);
  const update = secondsOf(step + 1);
  const updates = Math.max(last - step, 0);
  let run = 0, possible = 0;
  for (const { first, count } of partsBetween(training.accumulation, step, last)) {
    const each = secondsOf(first);
    const room = Math.max(Math.floor((secondsLeft - run) / each), 0);
    possible += Math.min(count, room);
    run += count * each;
  }
  const { accumulation } = trainingAt(training, step + 1);
  const updatesPerEpoch = epoch.microBatches / accumulation;
  const sharedEpoch = epochSeconds * roundsOf(step + 1) / accumulation;
  return { update, epoch: sharedEpoch, updatesPerEpoch, updates, run, possible };
}

/** Runs of updates in which a scheduled value stays. */
function partsBetween(
  value: OptionValues["training"]["accumulation"],
  step: number,
  last: number,
): { readonly first: number; readonly count: number }[] {
  const edges = beginnings(value).filter((updates) => updates > step && updates < last);
  return [step, ...edges].map((begin, index) => ({
    first: begin + 1,
    count: Math.max((edges[index] ?? last) - begin, 0),
  }));
}

/** A forecast in a sentence. @param secondsLeft as in the input */
export function describeForecast(found: Forecast, secondsLeft: number): string {
  const { update, epoch, updatesPerEpoch, updates, run, possible } = found;
  const count = (value: number) => Math.round(value).toLocaleString("en");
  const epochSize = updatesPerEpoch < 1.5 ? "" : ` of ${count(updatesPerEpoch)}`;
  const start = `An update takes about ${describeSeconds(update)}, an epoch${epochSize} ` +
    describeSeconds(epoch);
  return possible < updates
    ? `${start}; the ${formatDuration(secondsLeft)} left are enough for about ${count(possible)} ` +
      `of this run's ${count(updates)} updates.`
    : `${start}, this run's ${count(updates)} updates ${describeSeconds(run)}.`;
}

function describeSeconds(seconds: number): string {
  if (seconds >= 60) return formatDuration(seconds);
  return `${seconds >= 10 ? seconds.toFixed(0) : seconds.toPrecision(2)} s`;
}

/** Beyond this share, the start is heard in what the average generates. */
const AUDIBLE = 0.1;
/** Updates below which no network learns from random weights. */
const FEWEST = 200;

/**
 * What stands in the way of learning in the updates that there is time for; empty where nothing is
 * known to.
 *
 * @param updates that will have been made in the end
 */
export function warningsOf(training: OptionValues["training"], updates: number): string[] {
  if (training.start_from !== null) return [];
  const count = updates.toLocaleString("en");
  const warnings: string[] = [];
  const { warmup_steps: warmup } = training;
  if (updates < Math.max(warmup, FEWEST)) {
    const reason = updates < warmup
      ? `the learning rate rises until update ${
        warmup.toLocaleString("en")
      } (training.warmup_steps)`
      : "the weights are random at first";
    warnings.push(
      `${count} updates are too few to learn from: ${reason}. Defaults are the paper's, for days on ` +
        'GPUs; smaller updates, a shorter warm-up and a higher learning rate, as with preset = "cpu-small" ' +
        "or from ardiff init, suit a short run.",
    );
  }
  const kept = startShare(training, updates);
  if (kept > AUDIBLE) {
    warnings.push(
      `After ${count} updates the average of the weights, which is what becomes the model, will be ` +
        `${Math.round(100 * kept)} % random start: set training.ema_warmup = true, or a lower ` +
        "training.ema_decay.",
    );
  }
  return warnings;
}

/** The share of the weights at the start in their average after some updates. */
function startShare(training: OptionValues["training"], updates: number): number {
  if (beginnings(training.ema_decay).length === 1 && !training.ema_warmup) {
    return averageDecay(trainingAt(training, 1), 1) ** updates;
  }
  let share = 1;
  for (let update = 1; update <= updates && share > AUDIBLE; update++) {
    share *= averageDecay(trainingAt(training, update), update);
  }
  return share;
}
