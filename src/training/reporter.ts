/** Tells people and programs how a run goes: progress, log.jsonl and TensorBoard. */
import { processorSeconds } from "../host/processor.ts";
import { formatDuration, type ProgressOutput, StatusLine } from "../host/status_line.ts";
import { printable } from "../printable.ts";
import type { LossTerms, TrainerUsage } from "../native/trainer.ts";
import type { RunState } from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import { EventFile } from "./event_file.ts";
import { JsonLog } from "./json_log.ts";
import { describeMoment } from "./moment.ts";
import type { ProcessGroup } from "./process_group.ts";
import type { Update } from "./updates.ts";
import type { Sample, Validation } from "./validation.ts";

/** Milliseconds between two states of the line of progress. */
const INTERVALS = { terminal: 200, elsewhere: 30_000 };

/** Seconds. */
interface Spent {
  readonly shim: number;
  readonly exchange: number;
  /** Of the processor, by all threads of this process. */
  readonly processor: number;
}

/** Averages over the updates since the last record. */
class Interval {
  #updates = 0;
  #tokens = 0;
  #rows = 0;
  #seconds = 0;
  readonly #spent = { shim: 0, exchange: 0, processor: 0 };
  readonly #sums = { loss: 0, mse: 0, nll: 0, prior: 0, gradientNorm: 0 };

  add(update: Update, seconds: number, { shim, exchange, processor }: Spent): void {
    this.#updates++;
    this.#tokens += update.tokens;
    this.#rows += update.rows;
    this.#seconds += seconds;
    this.#spent.shim += shim;
    this.#spent.exchange += exchange;
    this.#spent.processor += processor;
    for (const name of ["loss", "mse", "nll", "prior"] as const) {
      this.#sums[name] += update.terms[name];
    }
    this.#sums.gradientNorm += update.gradientNorm;
  }

  get updates(): number {
    return this.#updates;
  }

  get seconds(): number {
    return this.#seconds;
  }

  means() {
    const mean = (sum: number) => sum / this.#updates;
    const { loss, mse, nll, prior, gradientNorm } = this.#sums;
    const terms: LossTerms = {
      loss: mean(loss),
      mse: mean(mse),
      nll: mean(nll),
      prior: mean(prior),
    };
    return {
      terms,
      gradientNorm: mean(gradientNorm),
      secondsPerStep: mean(this.#seconds),
      tokensPerSecond: this.#tokens / this.#seconds,
      rowsPerSecond: this.#rows / this.#seconds,
      /** Of this process: another program's work does not make them more. */
      processorSecondsPerStep: mean(this.#spent.processor),
      /** Share of the time that was spent in exchanges with other ranks, and in waiting for them. */
      exchanges: this.#spent.exchange / this.#seconds,
      /** Share of the time that was spent neither there nor in the shim. */
      orchestration: 1 - (this.#spent.shim + this.#spent.exchange) / this.#seconds,
    };
  }
}

/** Where and what a run reports. */
interface ReporterOptions {
  /** The run's folder. */
  readonly output: string;
  readonly config: TrainingConfig;
  /** Where the run stands at its start. */
  readonly start: RunState;
  /** The last step. */
  readonly last: number;
  /** When the run's time is over, in milliseconds of `performance.now()`; infinite without a limit. */
  readonly deadline: number;
  readonly io: ProgressOutput;
  /** The ranks that train together. */
  readonly group: Pick<ProcessGroup, "size" | "seconds">;
}

/** What a session tells of a run. */
export type RunReporter =
  & Pick<Reporter, "say" | "update" | "validation" | "summary" | "checkpoint">
  & Disposable;

/** Of a rank that tells nobody. */
export const SILENT_REPORTER: RunReporter = {
  say() {},
  update() {},
  validation() {},
  summary() {},
  checkpoint() {},
  [Symbol.dispose]() {},
};

/** Reports on a run. Dispose of it at the end. */
export class Reporter implements Disposable {
  readonly #options: ReporterOptions;
  readonly #line: StatusLine;
  readonly #log: JsonLog;
  readonly #events: EventFile | undefined;
  #interval = new Interval();
  #recent = new Interval();
  readonly #whole = new Interval();
  #spent: Spent;

  constructor(options: ReporterOptions) {
    const { output, start, config, io, group } = options;
    this.#options = options;
    this.#spent = { shim: 0, exchange: group.seconds, processor: processorSeconds() };
    this.#line = new StatusLine(io, INTERVALS);
    this.#log = new JsonLog(logPath(output), start.step);
    this.#events = config.log.tensorboard
      ? new EventFile(`${output}/tensorboard`, start.step + 1, Date.now() / 1000)
      : undefined;
    this.#events?.sessionStart(Date.now() / 1000, comparedOptions(config));
  }

  /** Writes a message. */
  say(message: string): void {
    this.#line.say(message);
  }

  /** Reports an update that took some seconds. */
  update(update: Update, state: RunState, seconds: number, usage: TrainerUsage): void {
    const spent = this.#spentSoFar(usage);
    const { shim, exchange, processor } = this.#spent;
    for (const interval of [this.#interval, this.#recent, this.#whole]) {
      interval.add(update, seconds, {
        shim: spent.shim - shim,
        exchange: spent.exchange - exchange,
        processor: spent.processor - processor,
      });
    }
    this.#spent = spent;
    const { config, last, deadline } = this.#options;
    const { step, epoch } = update;
    if (!update.applied) this.say(`Left out step ${step}: its gradients were not finite.`);
    const now = performance.now();
    if (this.#line.isDue(now)) {
      const moment = this.#recent.means();
      const secondsAllowed = (deadline - now) / 1000;
      this.#line.show(describeMoment({ step, last, epoch, secondsAllowed, ...moment }), now);
      this.#recent = new Interval();
    }
    if (step % config.log.every !== 0) return;
    const { terms, ...means } = this.#interval.means();
    this.#interval = new Interval();
    const record = {
      ...terms,
      gradientNorm: means.gradientNorm,
      learningRate: update.learningRate,
      tokensPerSecond: means.tokensPerSecond,
      stepsPerSecond: 1 / means.secondsPerStep,
      rowsPerSecond: means.rowsPerSecond,
      processorSecondsPerStep: means.processorSecondsPerStep,
      orchestration: means.orchestration,
      peakBytes: usage.peakBytes,
    };
    this.#log.write("update", step, {
      epoch,
      ...record,
      seconds: state.seconds,
      skipped: state.skipped,
    });
    this.#events?.scalars(step, Date.now() / 1000, prefixed("train", record));
  }

  /** Reports a validation that took some seconds, which are no update's. */
  validation(step: number, result: Validation, seconds: number, usage: TrainerUsage): void {
    this.#spent = this.#spentSoFar(usage);
    const { terms, bleu, chrf, lines, byTimestep, samples } = result;
    const scores = { bleu, chrf };
    const record = { ...terms, ...scores, lines, byTimestep, samples, seconds };
    this.#log.write("validation", step, record);
    const now = Date.now() / 1000;
    const curves = Object.fromEntries(byTimestep.flatMap(({ from, to, mse, nll }) => [
      [`validation_mse/${from}-${to - 1}`, mse],
      [`validation_nll/${from}-${to - 1}`, nll],
    ]));
    this.#events?.scalars(step, now, {
      ...prefixed("validation", terms),
      ...prefixed(
        "validation",
        Object.fromEntries(
          Object.entries(scores).filter((entry): entry is [string, number] =>
            typeof entry[1] === "number"
          ),
        ),
      ),
      ...curves,
    });
    this.#events?.text(step, now, "samples", samplesTable(samples));
    this.say(
      `Validation at step ${step}: ${bleu === null ? "" : `BLEU ${bleu.toFixed(2)}, `}${
        typeof chrf === "number" ? `chrF ${chrf.toFixed(2)}, ` : ""
      }loss ${terms.loss.toFixed(4)} ` +
        `(mse by timestep ${byTimestep.map(({ mse }) => mse.toFixed(2)).join(" ")})`,
    );
    for (const { source, output } of samples) {
      this.say(`  ${printable(source)}\n    -> ${printable(output)}`);
    }
  }

  /** Says at the end what the updates of this part of the run took. */
  summary({ peakBytes }: TrainerUsage): void {
    this.#events?.sessionEnd(Date.now() / 1000);
    const { updates, seconds } = this.#whole;
    if (updates === 0) return;
    const { secondsPerStep, orchestration, exchanges } = this.#whole.means();
    const milliseconds = 1000 * secondsPerStep;
    const { size } = this.#options.group;
    const exchanging = size === 1
      ? ""
      : `${(100 * exchanges).toFixed(1)} % in exchanges of ${size} ranks and `;
    this.say(
      `${updates.toLocaleString("en")} update${updates === 1 ? "" : "s"} in ` +
        `${formatDuration(seconds)}, ${
          milliseconds.toFixed(milliseconds < 100 ? 1 : 0)
        } ms each, ` +
        `of which ${exchanging}${
          (100 * orchestration).toFixed(1)
        } % outside the native library; peak memory ` +
        `${Math.round(peakBytes / 1e6)} MB.`,
    );
  }

  #spentSoFar({ forward, backward, update }: TrainerUsage): Spent {
    return {
      shim: forward + backward + update,
      exchange: this.#options.group.seconds,
      processor: processorSeconds(),
    };
  }

  /** Reports a checkpoint. */
  checkpoint(step: number, path: string): void {
    this.#log.write("checkpoint", step, { path });
  }

  [Symbol.dispose](): void {
    this.#line.close();
    this.#log[Symbol.dispose]();
    this.#events?.[Symbol.dispose]();
  }
}

/** The validation of a step as an earlier part of a run has logged it. */
export function recordedValidation(
  output: string,
  step: number,
): (Validation & { readonly step: number }) | undefined {
  const record = JsonLog.find(logPath(output), "validation", step);
  if (record === undefined) return undefined;
  const { loss, mse, nll, prior, ...rest } = record as unknown as
    & LossTerms
    & Omit<Validation, "terms">;
  return { ...rest, step, terms: { loss, mse, nll, prior } };
}

/** The options by which runs are compared: all that the weights depend on, tables as text. */
function comparedOptions(config: TrainingConfig): Record<string, string | number | boolean> {
  const sections = ["text", "network", "diffusion", "training"] as const;
  return Object.fromEntries(
    sections.flatMap((section) =>
      Object.entries(config[section]).map(([name, value]) => [
        `${section}.${name}`,
        typeof value === "object" ? JSON.stringify(value) : value,
      ])
    ),
  );
}

function logPath(output: string): string {
  return `${output}/log.jsonl`;
}

function prefixed(
  group: string,
  values: LossTerms | Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]),
  );
}

/** Samples as a table in Markdown. */
function samplesTable(samples: readonly Sample[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = samples.map(({ source, output, reference }) =>
    `| ${cell(source)} | ${cell(output)} | ${cell(reference)} |`
  );
  return ["| source | output | reference |", "|---|---|---|", ...rows].join("\n");
}
