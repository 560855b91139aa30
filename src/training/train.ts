/** From a configuration to a model folder, surviving whatever stops it. */
import { loadModelFolder, writeModelFolder } from "../denoiser/model_folder.ts";
import { parameterCounts } from "../denoiser/parameters.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { ExitCode, UserError } from "../errors.ts";
import { variable } from "../host/environment.ts";
import { parentOf, readTextFile } from "../host/files.ts";
import { exitCodeOf } from "../host/interrupts.ts";
import { tell } from "../host/messages.ts";
import { processorSeconds } from "../host/processor.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { describeLibrary } from "../native/library_info.ts";
import type { Device } from "../native/model.ts";
import { expectKnownOptions, type OptionNames } from "../option_names.ts";
import { VERSION } from "../version.ts";
import { checkpointPath, listCheckpoints, type RunState, tensorsOf } from "./checkpoint.ts";
import { currentCommit } from "./commit.ts";
import { placeOf } from "./launcher.ts";
import {
  checkTrainingSettings,
  parseTrainingConfig,
  type TrainingConfig,
  type TrainingSettings,
} from "./config.ts";
import { modelCard } from "./model_card.ts";
import { ALONE, joinRanks, type ProcessGroup } from "./process_group.ts";
import { recordedValidation, Reporter, SILENT_REPORTER } from "./reporter.ts";
import { Run } from "./run.ts";
import { openRunFolder, RUN_FILES } from "./run_folder.ts";
import { expectSameSetup, setupOf } from "./same_setup.ts";
import { beginnings, valueAt } from "./scheduled.ts";
import { Session } from "./session.ts";
import { textGeneratorOf } from "./text_generator.ts";
import { readValidationSet } from "./validation_set.ts";

/** How a run departs from its configuration. */
export interface TrainOptions {
  /** `section.key=value` each; they overrule the configuration file. */
  readonly set?: readonly string[];
  /** The run's folder. Default `runs/<name of the configuration>`. */
  readonly output?: string;
  /** Go on from the last checkpoint in the run's folder, if there is one. */
  readonly resume?: boolean;
  /** Stop after this update. */
  readonly maxSteps?: number;
  /** Stop after this many minutes. */
  readonly maxMinutes?: number;
  /** Stop after this many minutes of the process's processor time, counted from the first update. */
  readonly maxProcessorMinutes?: number;
  /** Overrules `training.device`. */
  readonly device?: string;
  /** Overrules `training.dtype`. */
  readonly dtype?: string;
  /** Overrules `training.threads`. */
  readonly threads?: number;
  /** Seconds to wait for other ranks: to come, and later to answer. Default 600. */
  readonly rankTimeout?: number;
}

const OPTION_NAMES: OptionNames<TrainOptions> = {
  set: true,
  output: true,
  resume: true,
  maxSteps: true,
  maxMinutes: true,
  maxProcessorMinutes: true,
  device: true,
  dtype: true,
  threads: true,
  rankTimeout: true,
};

/** Seconds; as long as a checkpoint or a validation may take. */
const RANK_TIMEOUT = 600;

/** Tells nobody. */
const SILENT: ProgressOutput = { stderr: () => {}, interactive: false };

/**
 * Trains a model. The run's folder gets checkpoints, logs and, in the end, the model folder. The
 * first SIGINT, SIGTERM or SIGHUP saves and ends the run, SIGUSR1 saves and goes on.
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
  expectKnownOptions(options, OPTION_NAMES, "train()");
  const source = typeof configuration === "string" ? configuration : "configuration";
  const config = typeof configuration === "string"
    ? parseTrainingConfig(readTextFile(source), source, settingsOf(options))
    : checkTrainingSettings(configuration, settingsOf(options));
  if (typeof configuration !== "string" && options.output === undefined) {
    throw new UserError(
      ExitCode.usage,
      "Cannot train without a folder: give options.output with a configuration that is no file",
    );
  }
  const output = options.output ?? `runs/${baseName(source)}`;
  const folder = `${output}/${RUN_FILES.checkpoints}`;
  using group = await groupOf(config, options.rankTimeout);
  const found: { lock?: Disposable } = {};
  const checkpoint = await group.first(() => {
    found.lock = openRunFolder(output);
    const last = listCheckpoints(folder).at(-1);
    if (last === undefined || options.resume) return last ?? null;
    found.lock[Symbol.dispose]();
    throw new UserError(
      ExitCode.usage,
      `Cannot train into "${output}": it holds checkpoints; add --resume to go on from them, or ` +
        "choose another --output",
    );
  }) ?? undefined;
  using _lock = found.lock;
  if (checkpoint === undefined && options.resume && group.isFirst) {
    io.stderr(`There is nothing to go on from in "${output}": starting anew.\n`);
  }
  const deadline = performance.now() + 60_000 * (options.maxMinutes ?? Infinity);
  const last = Math.min(config.training.steps, options.maxSteps ?? Infinity);
  const say = (message: string) => {
    if (group.isFirst) tell(io, message);
  };
  const cacheFolder = `${parentOf(output)}/.cache/ardiff`;
  using run = await Run.open({ config, source, cacheFolder, checkpoint, say, group });
  const validationSet = config.data.dev === null
    ? undefined
    : await readValidationSet(config.data.dev, run.tokenizer, run.model, config.validation);
  say(describeRun(run));
  using reporter = group.isFirst
    ? new Reporter({ output, config, start: run.start, last, deadline, io, group })
    : SILENT_REPORTER;
  const processorLimit = processorSeconds() + 60 * (options.maxProcessorMinutes ?? Infinity);
  const session = new Session({
    run,
    reporter,
    folder,
    validationSet,
    generateTexts: textGeneratorOf(run),
    last,
    deadline,
    isSpent: () => processorSeconds() >= processorLimit,
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
  reporter.summary(run.usage());
  if (!group.isFirst) return `${output}/${RUN_FILES.model}`;
  if (step === 0) {
    say(
      "The time was over before the first update was made: the model's weights are those of the start.",
    );
  }
  return exportModel(
    run,
    session,
    output,
    folder,
    typeof configuration === "string"
      ? commandOf(source, options, run.config, session.state)
      : `train(configuration, { output: ${
        JSON.stringify(output)
      } }), at step ${session.state.step}`,
  );
}

/**
 * Joins the ranks that a launcher has started.
 *
 * @throws {UserError} where there are more than can share an update, where some do not come, or differ
 */
async function groupOf(config: TrainingConfig, seconds = RANK_TIMEOUT): Promise<ProcessGroup> {
  const place = placeOf(variable);
  if (place === undefined) return ALONE;
  const { accumulation } = config.training;
  const fewest = Math.min(
    ...[0, ...beginnings(accumulation)].map((update) => valueAt(accumulation, update + 1)),
  );
  if (place.size > fewest) {
    throw new UserError(
      ExitCode.usage,
      `Cannot share an update of ${fewest} micro-batch${fewest === 1 ? "" : "es"} ` +
        `(training.accumulation) among ${place.size} ranks: start at most ${fewest}, or set a ` +
        "larger training.accumulation and a smaller training.batch_size",
    );
  }
  const group = await joinRanks(place, seconds);
  try {
    await expectSameSetup(group, setupOf(config));
    return group;
  } catch (error) {
    group[Symbol.dispose]();
    throw error;
  }
}

/** The settings of `--set`, and after them those of options of their own. */
function settingsOf({ set = [], device, dtype, threads }: TrainOptions): string[] {
  const own = Object.entries({ device, dtype, threads })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `training.${key}=${value}`);
  return [...set, ...own];
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.(toml|ya?ml)$/i, "");
}

/** What the network is computed in: on a CPU, bfloat16 takes AMX. */
function arithmeticOf({ training: { dtype } }: TrainingConfig, { kind }: Device): string {
  return dtype === "bf16" && kind === "cpu" && describeLibrary().instruction_set !== "amx"
    ? "f32 (bf16 takes AMX, which this CPU lacks)"
    : dtype;
}

function describeRun({ config, model, pairs: all, start, place, group }: Run): string {
  const { pairs, leftOut, cutSources, cutTargets, longestSource, longestTarget } = all.summary;
  const count = (value: number) => value.toLocaleString("en");
  const cut = (side: string, number: number, limit: number, longest: number) =>
    number === 0
      ? []
      : [`${count(number)} ${side} were cut to ${limit} tokens; the longest has ${longest}.`];
  return [
    `${count(pairs)} pairs, ${count(parameterCounts(model.network).total)} parameters, on ` +
    `${place.device.kind} in ${arithmeticOf(config, place.device)}.`,
    ...(leftOut === 0 ? [] : [`Pairs with an empty side, which are left out: ${count(leftOut)}.`]),
    ...cut("sources", cutSources, config.text.max_source_tokens, longestSource),
    ...cut("targets", cutTargets, config.text.target_slots, longestTarget),
    ...(group.size === 1 ? [] : [`${group.size} ranks share the micro-batches of an update.`]),
    ...(start.step === 0 ? [] : [`Going on from step ${count(start.step)}.`]),
  ].join("\n");
}

/** Writes the model folder, `output/model`, and returns its path. */
function exportModel(
  run: Run,
  { state, validation }: Session,
  output: string,
  checkpoints: string,
  command: string,
): string {
  const path = `${output}/${RUN_FILES.model}`;
  const { config, model, pairs } = run;
  const best = config.checkpoints.export === "best" ? state.best : null;
  const stored = best && loadModelFolder(checkpointPath(checkpoints, best.step)).tensors;
  const values = stored === null
    ? tensorsOf(run.trainer.read("average"), run.layout)
    : (name: string) => toFloat32(stored.get(name)!);
  const step = best?.step ?? state.step;
  const readme = modelCard({
    name: baseName(output),
    config,
    model,
    state,
    step,
    data: pairs.summary,
    validation: validation?.step === step ? validation : recordedValidation(output, step),
    command,
    version: VERSION,
    commit: currentCommit(),
  });
  writeModelFolder(path, {
    config: {
      ...model,
      provenance: { ...model.provenance, updates: step },
    },
    values,
    dtype: config.checkpoints.dtype === "bf16" ? "BF16" : "F32",
    tokenizerJson: run.tokenizer.toJson(),
    readme,
  }, { replace: true });
  return path;
}

/** The command line that repeats a run, in as many parts as it may have been made. */
function commandOf(
  configPath: string,
  options: TrainOptions,
  { training }: TrainingConfig,
  { step }: RunState,
): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const path = /^[\w./-]+$/.test(configPath) ? configPath : quoted(configPath);
  const settings = settingsOf(options).map((setting) => ` --set ${quoted(setting)}`);
  // Also where a time or a signal ended the run, these are the updates that it made.
  const limit = step === training.steps ? "" : ` --max-steps ${step}`;
  return `ardiff train ${path}${settings.join("")}${limit}`;
}
