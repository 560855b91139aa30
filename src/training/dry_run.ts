/** What a run would be and cost, from one micro-batch and without a run's folder. */
import { parameterCounts } from "../denoiser/parameters.ts";
import { formatDuration, type ProgressOutput } from "../host/status_line.ts";
import type { PreparedBatch } from "./batch_stream.ts";
import type { TrainingSettings } from "./config.ts";
import { describeRun } from "./describe_run.ts";
import { describeForecast, forecast, type ForecastInput, warningsOf } from "./forecast.ts";
import type { TrainOptions } from "./request.ts";
import type { Run } from "./run.ts";
import { openTrial } from "./trial.ts";

/** Flat buffers of a trainer: weights, gradients, two moments, the average; 4 bytes a value. */
const BYTES_PER_PARAMETER = 20;

/**
 * Opens a run as `train()` would, computes its first micro-batch twice and says what it found: sizes,
 * memory, and how long an update, an epoch and the run will take. Nothing is written but the cache of
 * tokenised data.
 *
 * @returns lines for people
 * @throws {UserError} as `train()` does before its first update
 */
export async function dryRun(
  configuration: string | TrainingSettings,
  options: TrainOptions,
  io: ProgressOutput,
): Promise<string> {
  using run = await openTrial(configuration, options, io);
  const { training } = run.config;
  const { batch, seconds } = await measure(run);
  const input: ForecastInput = {
    training,
    step: 0,
    last: Math.min(training.steps, options.maxSteps ?? Infinity),
    secondsLeft: 60 * (options.maxMinutes ?? Infinity),
    measured: { tokens: batch.tokens, seconds },
    epoch: { tokens: run.pairs.tokensAt(1), microBatches: batch.ofEpoch },
  };
  const found = forecast(input);
  return [
    describeRun(run),
    describeParameters(run),
    describeBatch(run, batch, seconds),
    describeMemory(run),
    describeForecast(found, input.secondsLeft),
    ...(found.possible < found.updates
      ? [`All ${found.updates.toLocaleString("en")} would take ${formatDuration(found.run)}.`]
      : []),
    "Validations, checkpoints and the export of the model come on top.",
    ...warningsOf(training, Math.min(found.updates, found.possible)),
  ].map((line) => `${line}\n`).join("");
}

/** The first micro-batch and how long it took, once memory has been allocated. */
async function measure(run: Run): Promise<{ batch: PreparedBatch; seconds: number }> {
  let found: { batch: PreparedBatch; seconds: number } | undefined;
  for (let time = 0; time < 2; time++) {
    const updates = run.updates({
      onBatch: (batch, seconds) => found = { batch, seconds },
      isOver: () => true,
    });
    await updates.next();
    await updates.return();
  }
  return found!;
}

function describeParameters({ model }: Run): string {
  const { total, ...parts } = parameterCounts(model.network);
  const named = Object.entries(parts).filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  return `Parameters: ${total.toLocaleString("en")} (${named.join(", ")}).`;
}

function describeBatch(run: Run, { batch, tokens, ofEpoch }: PreparedBatch, seconds: number) {
  const { length } = run.pairs.at(1).sourceLengths;
  const perPair = (run.pairs.tokensAt(1) / length).toFixed(1);
  return `An epoch is ${ofEpoch.toLocaleString("en")} micro-batches of ${perPair} tokens a pair. ` +
    `One of ${batch.rows} pairs, ${tokens.toLocaleString("en")} tokens without padding, took ` +
    `${seconds.toPrecision(2)} s.`;
}

function describeMemory(run: Run): string {
  const { total } = parameterCounts(run.model.network);
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `Memory: ${megabytes(BYTES_PER_PARAMETER * total)} of weights, gradients, moments and ` +
    `average; ${
      megabytes(run.usage().peakBytes)
    } at the peak of that micro-batch, program included.`;
}
