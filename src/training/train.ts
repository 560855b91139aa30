/** From a configuration to a model folder, surviving whatever stops it. */
import { loadModelFolder, writeModelFolder } from "../denoiser/model_folder.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { ExitCode, UserError } from "../errors.ts";
import { variable } from "../host/environment.ts";
import { exitCodeOf } from "../host/interrupts.ts";
import { tell } from "../host/messages.ts";
import { processorSeconds } from "../host/processor.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { VERSION } from "../version.ts";
import { checkpointPath, listCheckpoints, type RunState, tensorsOf } from "./checkpoint.ts";
import { currentCommit } from "./commit.ts";
import type { TrainingConfig, TrainingSettings } from "./config.ts";
import { describeRun } from "./describe_run.ts";
import { placeOf } from "./launcher.ts";
import { modelCard } from "./model_card.ts";
import { ALONE, joinRanks, type ProcessGroup } from "./process_group.ts";
import { recordedValidation, Reporter, SILENT_REPORTER } from "./reporter.ts";
import { baseName, readRequest, settingsOf, type TrainOptions } from "./request.ts";
import { Run } from "./run.ts";
import { openRunFolder, RUN_FILES } from "./run_folder.ts";
import { expectSameSetup, setupOf } from "./same_setup.ts";
import { beginnings, valueAt } from "./scheduled.ts";
import { Session } from "./session.ts";
import { textGeneratorOf } from "./text_generator.ts";
import { readValidationSet } from "./validation_set.ts";

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
  const { config, source, output, cacheFolder, last } = readRequest(configuration, options);
  const folder = `${output}/${RUN_FILES.checkpoints}`;
  using group = await groupOf(config, last, options);
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
  const deadline = performance.now() + 60_000 * (options.maxMinutes ?? Infinity);
  const say = (message: string) => {
    if (group.isFirst) tell(io, message);
  };
  if (checkpoint === undefined && options.resume) {
    say(`There is nothing to go on from in "${output}": starting anew.`);
  }
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
  if (step === 0) {
    say(
      "The time was over before the first update was made: the model's weights are those of the start.",
    );
  }
  if (!group.isFirst) return `${output}/${RUN_FILES.model}`;
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
