/** From a configuration to a model folder, surviving whatever stops it. */
import { ExitCode, UserError } from "../errors.ts";
import { variable } from "../host/environment.ts";
import { exitCodeOf } from "../host/interrupts.ts";
import { tell } from "../host/messages.ts";
import { processorSeconds } from "../host/processor.ts";
import { SaveSignal } from "../host/save_signal.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { listCheckpoints, readRecord, type RunState } from "./checkpoint.ts";
import type { TrainingConfig, TrainingSettings } from "./config.ts";
import { describeRun } from "./describe_run.ts";
import { wasDistilledWith } from "./distill/manifest.ts";
import { type DueSet, writeDueSet } from "./due_set.ts";
import { exportModel, exportTeacher } from "./export_model.ts";
import { placeOf } from "./launcher.ts";
import { describeData } from "./model_config.ts";
import { ALONE, joinRanks, type ProcessGroup } from "./process_group.ts";
import { Reporter, SILENT_REPORTER } from "./reporter.ts";
import { readRequest, settingsOf, type TrainingRequest, type TrainOptions } from "./request.ts";
import { Run } from "./run.ts";
import { openRunFolder, RUN_FILES } from "./run_folder.ts";
import { expectSameSetup, setupOf } from "./same_setup.ts";
import { beginnings, valueAt } from "./scheduled.ts";
import { Session } from "./session.ts";
import { textGeneratorOf } from "./text_generator.ts";
import { setsBefore, type TrainingSet } from "./training_sets.ts";
import { readValidationSet } from "./validation_set.ts";

/** Seconds; as long as a checkpoint or a validation may take. */
const RANK_TIMEOUT = 600;

/** Tells nobody. */
const SILENT: ProgressOutput = { stderr: () => {}, interactive: false };

/**
 * Trains a model. The run's folder gets checkpoints, logs and, in the end, the model folder. The
 * first SIGINT, SIGTERM or SIGHUP saves and ends the run, SIGUSR1 saves and goes on, at any time: where
 * data are prepared or distilled, after the first update that follows.
 *
 * Where torchrun or srun has started several of this program, they share the micro-batches of an update;
 * rank 0 alone writes. docs/machines.md
 *
 * @param configuration a TOML or YAML file, or its content as an object; docs/options.md lists the keys. With
 *   an object, `options.output` is required
 * @param io is told how the run goes. Default: nobody is
 * @returns the path of the model folder
 * @throws {UserError} for whatever the user can mend, and, after saving, where a signal stopped it
 */
export async function train(
  configuration: string | TrainingSettings,
  options: TrainOptions = {},
  io: ProgressOutput = SILENT,
): Promise<string> {
  // Whatever is under way when it comes, such as tokenising, it must not end the process.
  using saveSignal = new SaveSignal();
  const request = readRequest(configuration, options);
  const { config, output, last } = request;
  const folder = `${output}/${RUN_FILES.checkpoints}`;
  using group = await groupOf(config, last, options);
  const found: { lock?: Disposable } = {};
  await group.first(() => {
    found.lock = openRunFolder(output);
    if (listCheckpoints(folder).length === 0 || options.resume) return null;
    found.lock[Symbol.dispose]();
    throw new UserError(
      ExitCode.usage,
      `Cannot train into "${output}": it holds checkpoints; add --resume to go on from them, or ` +
        "choose another --output",
    );
  });
  using _lock = found.lock;
  const deadline = performance.now() + 60_000 * (options.maxMinutes ?? Infinity);
  const processorLimit = processorSeconds() + 60 * (options.maxProcessorMinutes ?? Infinity);
  const say = (message: string) => {
    if (group.isFirst) tell(io, message);
  };
  const isSpent = () => (options.signal?.aborted ?? false) || processorSeconds() >= processorLimit;
  const limits = { deadline, isSpent };
  const isTimeOver = () => performance.now() >= deadline || isSpent();
  const command = ({ step }: RunState) =>
    typeof configuration === "string"
      ? commandOf(configuration, options, config, step)
      : `train(configuration, { output: ${JSON.stringify(output)} }), at step ${step}`;
  const resume = options.resume ?? false;
  const parts = { request, group, io, say, saveSignal, limits, isTimeOver, command, resume };
  const written = new Set<TrainingSet>();
  let isOver = false;
  for (;;) {
    const checkpoint = await group.first(() => listCheckpoints(folder).at(-1) ?? null) ?? undefined;
    const result = await trainPart({ ...parts, checkpoint, written, isOver });
    if (typeof result === "string") return result;
    const isWhole = await writeDueSet(result, { config, group, say, isOver: isTimeOver });
    if (isWhole) written.add(result.set);
    else isOver = true;
  }
}

/** What all parts of a run have. */
interface Parts {
  readonly request: TrainingRequest;
  readonly group: ProcessGroup;
  readonly io: ProgressOutput;
  readonly say: (message: string) => void;
  readonly saveSignal: SaveSignal;
  readonly limits: { readonly deadline: number; readonly isSpent: () => boolean };
  /** Whether one of them is reached. */
  readonly isTimeOver: () => boolean;
  /** The command that repeats a run up to a state. */
  readonly command: (state: RunState) => string;
  readonly resume: boolean;
}

/**
 * Trains to the end, or until a set is to be written; the model folder is written at the end.
 *
 * @returns the path of the model folder, or the set
 */
async function trainPart(
  parts: Parts & {
    readonly checkpoint: string | undefined;
    /** The sets that this process has written, or found as it would write them. */
    readonly written: ReadonlySet<TrainingSet>;
    readonly isOver: boolean;
  },
): Promise<string | DueSet> {
  const { request, group, io, say, saveSignal, limits, checkpoint } = parts;
  const { config, source, output, cacheFolder } = request;
  const { train } = config.data;
  if (checkpoint === undefined && parts.resume) {
    say(`There is nothing to go on from in "${output}": starting anew.`);
  }
  const unwritten = await group.first(() => unwrittenSet(train, checkpoint, parts.written) ?? null);
  const ahead = unwritten === null ? undefined : train[unwritten];
  const sets = setsBefore(train, ahead);
  const last = Math.min(request.last, ahead?.from ?? Infinity);
  using run = await Run.open({ config, sets, source, cacheFolder, checkpoint, say, group });
  const validationSet = config.data.dev === null
    ? undefined
    : await readValidationSet(config.data.dev, run.tokenizer, run.model, config.validation);
  say(describeRun(run));
  const { deadline } = limits;
  using reporter = group.isFirst
    ? new Reporter({ output, config, start: run.start, last: request.last, deadline, io, group })
    : SILENT_REPORTER;
  const session = new Session({
    run,
    reporter,
    folder: `${output}/${RUN_FILES.checkpoints}`,
    validationSet,
    generateTexts: textGeneratorOf(run),
    saveSignal,
    last: parts.isOver ? run.start.step : last,
    ...limits,
  });
  const signal = await session.train();
  const { step } = session.state;
  if (signal !== undefined) {
    throw new UserError(
      exitCodeOf(signal),
      step === 0
        ? `Stopped by ${signal} before the first update was made: there is nothing to go on from`
        : `Stopped by ${signal} at step ${step}, which is saved: go on with --resume`,
    );
  }
  if (step === ahead?.from && step < request.last && !parts.isOver) {
    const teacher = `${output}/${RUN_FILES.teacher}`;
    const isDue = await group.first(() => {
      if (parts.isTimeOver()) return false;
      exportTeacher(run, teacher);
      return true;
    });
    if (isDue) return { set: ahead, table: ahead.distill!, teacher, place: run.place };
  }
  reporter.summary(run.usage());
  if (step === 0) {
    say(
      "The time was over before the first update was made: the model's weights are those of the start.",
    );
  }
  if (!group.isFirst) return `${output}/${RUN_FILES.model}`;
  return exportModel(run, session, output, parts.command(session.state));
}

/**
 * The place of the first set that the run has yet to write; one that may be there is looked at when it
 * is due.
 *
 * @throws {UserError} where one that was trained on is gone, or was written in another way
 */
function unwrittenSet(
  sets: readonly TrainingSet[],
  checkpoint: string | undefined,
  written: ReadonlySet<TrainingSet>,
): number | undefined {
  const step = checkpoint === undefined ? 0 : readRecord(checkpoint).step;
  for (const [place, { spec, distill, from }] of sets.entries()) {
    if (distill === undefined || written.has(sets[place]!)) continue;
    if (step <= from) return place;
    const path = describeData(spec);
    if (wasDistilledWith(path, { ...distill })) continue;
    throw new UserError(
      ExitCode.data,
      `Cannot resume from "${checkpoint}": "${path}", which the run wrote and trained on, is not ` +
        `there or was written with other options than distill in [data.train.${place}]; put them ` +
        "back or start anew with another --output",
    );
  }
  return undefined;
}

/**
 * Joins the ranks that a launcher has started.
 *
 * @throws {UserError} where there are more than can share an update, where some do not come, or differ
 */
async function groupOf(
  config: TrainingConfig,
  last: number,
  { alone = false, rankTimeout = RANK_TIMEOUT }: TrainOptions,
): Promise<ProcessGroup> {
  const place = alone ? undefined : placeOf(variable);
  if (place === undefined) return ALONE;
  const { accumulation, steps } = config.training;
  const fewest = Math.min(
    ...beginnings(accumulation).filter((updates) => updates < steps)
      .map((updates) => valueAt(accumulation, updates + 1)),
  );
  if (place.size > fewest) {
    throw new UserError(
      ExitCode.usage,
      `Cannot share an update of ${fewest} micro-batch${fewest === 1 ? "" : "es"} ` +
        `(training.accumulation) among ${place.size} ranks: start at most ${fewest}, or set a ` +
        "larger training.accumulation and a smaller training.batch_size",
    );
  }
  const group = await joinRanks(place, rankTimeout);
  try {
    await expectSameSetup(group, setupOf(config, last));
    return group;
  } catch (error) {
    group[Symbol.dispose]();
    throw error;
  }
}

/** The command line that repeats a run, in as many parts as it may have been made. */
function commandOf(
  configPath: string,
  options: TrainOptions,
  { training }: TrainingConfig,
  step: number,
): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const path = /^[\w./-]+$/.test(configPath) ? configPath : quoted(configPath);
  const settings = settingsOf(options).map((setting) => ` --set ${quoted(setting)}`);
  // Also where a time or a signal ended the run, these are the updates that it made.
  const limit = step === training.steps ? "" : ` --max-steps ${step}`;
  return `ardiff train ${path}${settings.join("")}${limit}`;
}
