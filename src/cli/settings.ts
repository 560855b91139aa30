/**
 * Settings: options whose value may also come from the environment or the settings file. All are,
 * but for those that say what one call reads, writes or prints.
 */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { pathOf } from "./command_tree.ts";

/** An option that can be set elsewhere too. */
export interface Setting {
  readonly option: Option;
  /** Its key in the settings file: `batch_size` for `--batch-size`. */
  readonly key: string;
  /** Its environment variable: `ARDIFF_BATCH_SIZE`. */
  readonly variable: string;
  /** Whether the settings file may hold it. */
  readonly inFile: boolean;
}

/** Options, of all commands or of one, that the command line alone can give. */
const COMMAND_LINE_ONLY: ReadonlySet<string> = new Set([
  "--input",
  "--input-format",
  "--utility-scores",
  "--sentence-level",
  "--field",
  "--shard",
  "--output",
  "--format",
  "--json",
  "--trace",
  "--trace-html",
  "--hypotheses",
  "--references",
  "--data",
  "evaluate --model",
  "distill --model",
  "--outputs",
  "--columns",
  "--source",
  "--target",
  "--dev",
  "--task",
  "--set",
  "--resume",
  "--max-steps",
  "--max-minutes",
  "--cell",
  "--weights",
  "--tokenizer",
  "import --config",
]);

/**
 * Settings that the settings file cannot hold: a training configuration is nearer to its run than a
 * file for all commands, and a settings file does not name another.
 */
const NOT_IN_FILE: ReadonlySet<string> = new Set([
  "train --device",
  "train --dtype",
  "train --threads",
  "--config",
]);

/** The settings among a command's options. */
export function settingsOf(command: CommandUnknownOpts): Setting[] {
  const isIn = (names: ReadonlySet<string>, option: Option) =>
    names.has(option.long!) || names.has(`${pathOf(command)} ${option.long}`);
  return command.options
    .filter((option) => option.long !== "--version" && !isIn(COMMAND_LINE_ONLY, option))
    .map((option) => {
      const key = keyOf(option);
      const variable = `ARDIFF_${key.toUpperCase()}`;
      return { option, key, variable, inFile: !isIn(NOT_IN_FILE, option) };
    });
}

/** The name of an option's value: `mbr_method` for `--mbr-method`, `rounding` for `--no-rounding`. */
export function keyOf(option: Option): string {
  return option.attributeName().replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
