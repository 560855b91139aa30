/** What is asked of a run: a configuration, and how the run departs from it. */
import { ExitCode, UserError } from "../errors.ts";
import { parentOf, readTextFile } from "../host/files.ts";
import { expectKnownOptions, type OptionNames } from "../option_names.ts";
import {
  checkTrainingSettings,
  parseTrainingConfig,
  type TrainingConfig,
  type TrainingSettings,
} from "./config.ts";
import { setsIn } from "./training_sets.ts";

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
  /** Stop after this many minutes of the process's processor time, preparations included. */
  readonly maxProcessorMinutes?: number;
  /** Stop once it is aborted, as when a time is over. */
  readonly signal?: AbortSignal;
  /** Overrules `training.device`. */
  readonly device?: string;
  /** Overrules `training.dtype`. */
  readonly dtype?: string;
  /** Overrules `training.threads`. */
  readonly threads?: number;
  /** Seconds to wait for other ranks: to come, and later to answer. Default 600. */
  readonly rankTimeout?: number;
  /** Train alone, also where a launcher has started several of this program. */
  readonly alone?: boolean;
}

const OPTION_NAMES: OptionNames<TrainOptions> = {
  set: true,
  output: true,
  resume: true,
  maxSteps: true,
  maxMinutes: true,
  maxProcessorMinutes: true,
  signal: true,
  device: true,
  dtype: true,
  threads: true,
  rankTimeout: true,
  alone: true,
};

/** A checked request. */
export interface TrainingRequest {
  readonly config: TrainingConfig;
  /** The configuration's path, or a word for it, for messages. */
  readonly source: string;
  /** The run's folder. */
  readonly output: string;
  /** Where tokenised data are kept. */
  readonly cacheFolder: string;
  /** The last update. */
  readonly last: number;
}

/**
 * Reads and checks a configuration.
 *
 * @param configuration a TOML file, or its content as an object
 * @throws {UserError} for an option that does not exist, and as `parseTrainingConfig()` does
 */
export function readRequest(
  configuration: string | TrainingSettings,
  options: TrainOptions,
): TrainingRequest {
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
  const last = Math.min(config.training.steps, options.maxSteps ?? Infinity);
  return {
    config: { ...config, data: { ...config.data, train: setsIn(output, config.data.train) } },
    source,
    output,
    cacheFolder: `${parentOf(output)}/.cache/ardiff`,
    last,
  };
}

/** The settings of `--set`, and after them those of options of their own. */
export function settingsOf({ set = [], device, dtype, threads }: TrainOptions): string[] {
  const own = Object.entries({ device, dtype, threads })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `training.${key}=${value}`);
  return [...set, ...own];
}

/** The name of a configuration or folder. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.(toml|ya?ml)$/i, "");
}
