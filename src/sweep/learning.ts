/** How a run learned, from its log. */
import { statIfPresent } from "../host/files.ts";
import { type CurvePoint, type Learning, readRecords, type TimestepLoss } from "./records.ts";

/** A line of `log.jsonl`; what an event lacks is undefined. */
interface LogLine {
  readonly event: string;
  readonly step: number;
  readonly loss?: number;
  readonly bleu?: number | null;
  readonly seconds?: number;
  readonly processorSecondsPerStep?: number;
  readonly byTimestep?: readonly TimestepLoss[];
  readonly peakBytes?: number;
}

/** What a log tells of a run. */
interface LogSummary extends Learning {
  readonly updates: number;
  readonly seconds: number;
  /** Processor seconds of an update: the median of what was logged; null in logs that lack it. */
  readonly updateSeconds: number | null;
  readonly peakBytes: number;
}

/**
 * Reads the log of a run. Where a validation falls between two records of updates, its time is found
 * between theirs; after the last, from the speed until then.
 */
export function readLearning(path: string): LogSummary {
  const lines = statIfPresent(path) === null ? [] : readRecords<LogLine>(path);
  const updates = lines.filter(({ event }) => event === "update");
  const validations = lines.filter(({ event }) => event === "validation");
  const secondsAt = timeOf(updates);
  const last = Math.max(0, ...lines.map(({ step }) => step));
  return {
    curve: validations.map(({ step, loss, bleu }): CurvePoint => ({
      step,
      seconds: secondsAt(step),
      loss: loss!,
      bleu: bleu ?? null,
    })),
    byTimestep: validations.at(-1)?.byTimestep ?? [],
    updates: last,
    seconds: secondsAt(last),
    updateSeconds: medianOf(updates.flatMap(({ processorSecondsPerStep: one }) => one ?? [])),
    peakBytes: Math.max(0, ...updates.map(({ peakBytes }) => peakBytes ?? 0)),
  };
}

function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

/** Seconds of training at a step, on straight lines through what was logged. */
function timeOf(updates: readonly LogLine[]): (step: number) => number {
  const known = [{ step: 0, seconds: 0 }].concat(
    updates.map(({ step, seconds }) => ({ step, seconds: seconds ?? 0 })),
  );
  return (step) => {
    const after = known.findIndex((one) => one.step >= step);
    const right = after < 0 ? known.length - 1 : Math.max(after, 1);
    const [a, b] = [known[right - 1], known[right]];
    if (a === undefined || b === undefined) return 0;
    return a.seconds + (b.seconds - a.seconds) * (step - a.step) / (b.step - a.step);
  };
}
