/** How trainings learned, in what charts and tables show of it. */
import type { Learning, TrainingRecord } from "../sweep/records.ts";
import type { ReportCell, Setting } from "./summary.ts";

/** One training. */
export interface Learned {
  /** What it is called, without its seed. */
  readonly series: string;
  /** What tells it from others of the series. */
  readonly run: string;
  readonly curve: readonly {
    /** Of a processor where they are known, else by the clock. */
    readonly minutes: number;
    readonly loss: number;
    readonly bleu: number | null;
  }[];
  /** The middle of a part of the timesteps, as a share of T, and the loss there. */
  readonly byTimestep: readonly { readonly share: number; readonly nll: number }[];
  readonly updates: number;
  readonly minutes: number;
  /** Processor milliseconds of an update, null where they were not told. */
  readonly update: number | null;
  readonly parameters: number | null;
}

/** What of a training is needed. */
type Trained =
  & Learning
  & Pick<TrainingRecord, "updates" | "seconds" | "processorSeconds" | "updateSeconds">
  & { readonly parameters: number | null };

/** A training by its log. */
export function learnedOf(series: string, run: string, training: Trained): Learned {
  const { curve, byTimestep, updates, seconds, processorSeconds, updateSeconds, parameters } =
    training;
  // Other programs' work makes minutes by the clock longer, and not those of a processor.
  const scale = processorSeconds === null || seconds === 0 ? 1 : processorSeconds / seconds;
  const last = Math.max(1, ...byTimestep.map(({ to }) => to));
  return {
    series,
    run,
    curve: curve.map(({ seconds, loss, bleu }) => ({ minutes: scale * seconds / 60, loss, bleu })),
    byTimestep: byTimestep.map(({ from, to, nll }) => ({ share: (from + to) / 2 / last, nll })),
    updates,
    minutes: scale * seconds / 60,
    update: updateSeconds === undefined || updateSeconds === null ? null : 1000 * updateSeconds,
    parameters,
  };
}

/** The trainings behind settings, each once. */
export function trainingsOf(settings: readonly Setting[]): Learned[] {
  const found = new Map<string, Learned>();
  for (const { axes, cells } of settings) {
    const name = Object.entries(axes).filter(([axis]) => !axis.startsWith("generate."))
      .map(([, value]) => `${value}`).join(", ") || "the training";
    for (const { training } of cells as readonly ReportCell[]) {
      if (training === null || found.has(training.hash)) continue;
      found.set(training.hash, learnedOf(name, training.hash, training));
    }
  }
  return [...found.values()];
}
