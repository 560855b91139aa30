/**
 * Options of every command. They can stand before the command or after it; a command that has an
 * option of the same name keeps it (the settings file then goes before the command: `ardiff --config
 * FILE import --config ...`).
 */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { rootOf } from "./command_tree.ts";

/** Their values. */
interface SharedValues {
  /** The settings file; undefined for the one in the usual place. */
  readonly config: string | undefined;
  /** The folder of libtorch's libraries; undefined for a search. */
  readonly libtorch: string | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const shared = new WeakSet<Option>();

/** Adds the options to a command. */
export function addSharedOptions(command: CommandUnknownOpts): void {
  const options = [
    new Option("--config <file>", "settings file (default: ~/.config/ardiff/config.toml)"),
    new Option("--libtorch <dir>", "folder of libtorch's libraries, in place of a search"),
    new Option("-q, --quiet", "neither progress nor notices; errors remain").default(false),
    new Option("--verbose", "tell the value of every option and where it came from").default(false),
  ];
  const taken = new Set(command.options.map(({ long }) => long));
  for (const option of options.filter(({ long }) => !taken.has(long))) {
    shared.add(option);
    command.addOption(option.helpGroup("Options of every command:"));
  }
}

/** Whether an option is one of them, not one of the command's own of the same name. */
export function isShared(option: Option): boolean {
  return shared.has(option);
}

/** Gives a command the values that stood before it, where none stand behind it. */
export function inheritSharedValues(command: CommandUnknownOpts): void {
  const root = rootOf(command);
  for (const option of command.options.filter(isShared)) {
    const key = option.attributeName();
    if (command.getOptionValueSource(key) === "cli") continue;
    if (root.getOptionValueSource(key) !== "cli") continue;
    command.setOptionValueWithSource(key, root.getOptionValue(key), "cli");
  }
}

/** The values for a command, once {@linkcode inheritSharedValues} has run. */
export function sharedValues(command: CommandUnknownOpts): SharedValues {
  const own = command.options.filter(isShared).map((option) => option.attributeName());
  return {
    ...rootOf(command).opts(),
    ...Object.fromEntries(own.map((key) => [key, command.getOptionValue(key)])),
  } as unknown as SharedValues;
}
