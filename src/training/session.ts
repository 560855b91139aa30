/** A run under way: makes updates, and validates, saves and reports when that is due. */
import { ExitCode, UserError } from "../errors.ts";
import { createHash } from "node:crypto";
import { bytesOf } from "../denoiser/tensors.ts";
import { type EndingSignal, Interrupts } from "../host/interrupts.ts";
import type { SaveSignal } from "../host/save_signal.ts";
import { agreed } from "./agreement.ts";
import { type Best, pruneCheckpoints, type RunState, writeCheckpoint } from "./checkpoint.ts";
import type { PreparedBatch } from "./batch_stream.ts";
import { describeForecast, forecast, type ForecastInput, warningsOf } from "./forecast.ts";
import type { RunReporter } from "./reporter.ts";
import type { Run } from "./run.ts";
import { expectSameWeights } from "./same_setup.ts";
import { changesAt } from "./schedules.ts";
import { NonFiniteUpdate, type Update } from "./updates.ts";
import { type TextGenerator, validate, type Validation } from "./validation.ts";
import type { ValidationSet } from "./validation_set.ts";

/** What a session works with. */
interface SessionOptions {
  readonly run: Run;
  readonly reporter: RunReporter;
  /** Where checkpoints go. */
  readonly folder: string;
  /** Absent without a development set. */
  readonly validationSet: ValidationSet | undefined;
  readonly generateTexts: TextGenerator;
  /** Asks for a checkpoint after the update that is under way. */
  readonly saveSignal: SaveSignal;
  /** The last step. */
  readonly last: number;
  /** When to stop, in milliseconds of `performance.now()`. */
  readonly deadline: number;
  /** Whether to stop after this update all the same. */
  readonly isSpent?: () => boolean;
}

/** A validation and its step. */
interface ValidationAt extends Validation {
  readonly step: number;
}

/**
 * Trains until a step, a time or a signal. Every rank has a session; what one of them is told, all do,
 * after the same update.
 */
export class Session {
  readonly #options: SessionOptions;
  #state: RunState;
  #validation: ValidationAt | undefined;
  #savedAt = performance.now();
  #savedStep: number;
  /** The signal that all ranks know of. */
  #signal: EndingSignal | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#state = options.run.start;
    this.#savedStep = this.#state.step;
  }

  /** Where the run stands. */
  get state(): RunState {
    return this.#state;
  }

  /** The last validation of this session. */
  get validation(): ValidationAt | undefined {
    return this.#validation;
  }

  /**
   * Trains; what is reached is saved, whatever the reason to stop, as long as it can be.
   *
   * @returns the signal that ended the run early, if one did
   * @throws {NonFiniteUpdate} where gradients are not finite, after saving the step before
   */
  async train(): Promise<EndingSignal | undefined> {
    const { reporter, last } = this.#options;
    using interrupts = new Interrupts((signal) =>
      reporter.say(`${signal}: saving what is done; once more to stop at once.`)
    );
    try {
      if (this.#state.step < last) await this.#updates(interrupts);
      await this.#validate(interrupts);
      await this.#agree(interrupts);
    } catch (error) {
      this.#rescue(error);
      throw error;
    }
    await this.#save();
    return this.#signal;
  }

  /** Saves what is reached when something fails, unless that is what failed. */
  #rescue(error: unknown): void {
    if (error instanceof UserError && error.exitCode === ExitCode.output) return;
    try {
      this.#write();
    } catch (second) {
      // Weights that are not finite say more than gradients that are not; else the first counts.
      if (error instanceof NonFiniteUpdate) throw second;
    }
  }

  /** What at least one rank wishes. */
  async #agree(interrupts: Interrupts): Promise<{ stop: boolean; save: boolean }> {
    const { run, last, deadline, isSpent, saveSignal } = this.#options;
    const isOver = this.#state.step >= last || performance.now() >= deadline ||
      (isSpent?.() ?? false);
    const { signal, wishes: [over, save] } = await agreed(run.group, {
      signal: interrupts.received,
      wishes: [isOver, saveSignal.take() || run.group.isFirst && this.#isSaveDue()],
    });
    this.#signal = signal;
    return { stop: signal !== undefined || over!, save: save! };
  }

  async #updates(interrupts: Interrupts): Promise<void> {
    const { run, reporter, deadline, isSpent } = this.#options;
    const { validation } = run.config;
    let began = performance.now(), isForecast = false;
    const isOver = () =>
      interrupts.received !== undefined || performance.now() >= deadline || (isSpent?.() ?? false);
    const onBatch = (prepared: PreparedBatch, seconds: number) => {
      if (!isForecast) this.#forecast(prepared, seconds);
      isForecast = true;
    };
    for await (const update of run.updates({ isOver, onBatch })) {
      const now = performance.now();
      const seconds = (now - began) / 1000;
      this.#state = advance(this.#state, update, seconds);
      this.#announce(update.step);
      reporter.update(update, this.#state, seconds, run.usage());
      began = now; // reporting is part of the next step
      const wish = await this.#agree(interrupts);
      if (wish.stop) return;
      let { save } = wish;
      const pause = performance.now();
      if (isMultiple(update.step, validation.every)) {
        await this.#validate(interrupts);
        if (this.#isOutOfPatience()) return;
        save = (await this.#agree(interrupts)).save || save; // it may have taken long
        if (this.#signal !== undefined) return;
      }
      if (save) await this.#save();
      began += performance.now() - pause;
    }
  }

  /** Says, of the first micro-batch, how long all will take, and what will keep it from learning. */
  #forecast({ step, tokens, ofEpoch }: PreparedBatch, seconds: number): void {
    const { run, reporter, last, deadline } = this.#options;
    const input: ForecastInput = {
      training: run.config.training,
      step: step - 1,
      last,
      secondsLeft: (deadline - performance.now()) / 1000,
      measured: { tokens, seconds },
      epoch: { tokens: run.pairs.tokensAt(step), microBatches: ofEpoch },
      ranks: run.group.size,
    };
    const found = forecast(input);
    reporter.say(describeForecast(found, input.secondsLeft));
    const updates = step - 1 + Math.min(found.updates, found.possible);
    for (const warning of warningsOf(run.config.training, updates)) reporter.say(warning);
  }

  /** Says what has changed with an update. */
  #announce(step: number): void {
    const { run, reporter } = this.#options;
    const changes = changesAt(run.config.training, step)
      .map(([name, value]) => `training.${name} = ${JSON.stringify(value)}`);
    if (run.pairs.changeAt(step)) {
      changes.push(`${run.pairs.at(step).sourceLengths.length.toLocaleString("en")} other pairs`);
    }
    if (changes.length > 0) reporter.say(`From step ${step} on: ${changes.join(", ")}.`);
  }

  async #validate(interrupts: Interrupts): Promise<void> {
    const { run, reporter, validationSet, generateTexts } = this.#options;
    const { step } = this.#state;
    if (validationSet === undefined || step === 0 || this.#validation?.step === step) return;
    const began = performance.now();
    const result = await validate(
      run.trainer,
      validationSet,
      run.config,
      run.model,
      generateTexts,
      () => interrupts.received !== undefined,
      run.group,
    );
    if (result === undefined) return;
    reporter.validation(step, result, (performance.now() - began) / 1000, run.usage());
    this.#validation = { step, ...result };
    const { metric } = run.config.checkpoints;
    const value = metric === "loss" ? result.terms.loss : result[metric];
    if (typeof value !== "number") return;
    const best: Best = { step, metric, value };
    if (!isBetter(best, this.#state.best)) return;
    this.#state = { ...this.#state, best };
    await this.#save();
  }

  /** Whether validations have not become better for too long; says so. */
  #isOutOfPatience(): boolean {
    const { run, reporter } = this.#options;
    const { patience, every } = run.config.validation;
    const { step, best } = this.#state;
    if (patience === 0 || best === null) return false;
    const since = Math.max(best.step, run.pairs.beganAt(step));
    if (Math.floor(step / every) - Math.floor(since / every) < patience) return false;
    const name = { bleu: "BLEU", chrf: "chrF", loss: "loss" }[best.metric];
    reporter.say(
      `Stopped at step ${step}: no better ${name} in ${patience} validations; the best is ` +
        `${best.value.toFixed(best.metric === "loss" ? 4 : 2)}, of step ${best.step}.`,
    );
    return true;
  }

  #isSaveDue(): boolean {
    const { every, minutes } = this.#options.run.config.checkpoints;
    return isMultiple(this.#state.step, every) ||
      (minutes > 0 && performance.now() - this.#savedAt >= 60_000 * minutes);
  }

  /** Saves what all ranks have reached, once they have seen that it is the same. */
  async #save(): Promise<void> {
    const { step } = this.#state;
    if (step === this.#savedStep) return;
    const { group, trainer } = this.#options.run;
    await expectSameWeights(group, step, () => hashOf(trainer.read("weights")));
    this.#write();
    this.#savedStep = step;
    this.#savedAt = performance.now();
  }

  #write(): void {
    const { run, reporter, folder } = this.#options;
    const { step, best } = this.#state;
    if (step === this.#savedStep) return;
    expectFinite(run, step);
    if (!run.group.isFirst) return;
    const path = writeCheckpoint(
      folder,
      run.trainer,
      run.layout,
      run.checkpointContent(this.#state),
    );
    pruneCheckpoints(folder, run.config.checkpoints.keep, best?.step);
    reporter.checkpoint(step, path);
  }
}

function hashOf(values: Float32Array<ArrayBuffer>): string {
  return createHash("sha256").update(bytesOf(values)).digest("hex");
}

function advance(state: RunState, update: Update, seconds: number): RunState {
  return {
    step: update.step,
    skipped: state.skipped + (update.applied ? 0 : 1),
    position: update.position,
    rows: state.rows + update.rows,
    seconds: state.seconds + seconds,
    best: state.best,
  };
}

function isMultiple(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}

/** A best of another metric, from before the configuration was changed, counts for nothing. */
function isBetter(now: Best, before: Best | null): boolean {
  if (before === null || before.metric !== now.metric) return true;
  return now.metric === "loss" ? now.value < before.value : now.value > before.value;
}

/** A checkpoint of weights that are not finite would be of no use, and could not be loaded. */
function expectFinite(run: Run, step: number): void {
  if (run.trainer.read("weights").every(Number.isFinite)) return;
  throw new UserError(
    ExitCode.diverged,
    `Stopped at step ${step}: weights are not finite, so it was not saved; go on from the last ` +
      "checkpoint with a lower training.learning_rate in a new --output",
  );
}
