/**
 * Fills in what the command line leaves open: default < settings file < environment variable < flag.
 * The two in the middle are read as flags are, by the option's own parser.
 */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Environment } from "../host/environment.ts";
import { leavesOf, rootOf } from "./command_tree.ts";
import { type Setting, settingsOf } from "./settings.ts";
import { readSettingsFile, type SettingsFile } from "./settings_file.ts";
import { inheritSharedValues, sharedValues } from "./shared_options.ts";

/** What was filled in for a command. */
export interface Layers {
  /** The settings file that was read. */
  readonly file: string | undefined;
  /** Where each value came from that is neither a default nor a flag's, by option. */
  readonly places: ReadonlyMap<Option, string>;
}

const layersByCommand = new WeakMap<CommandUnknownOpts, Layers>();

/** What was filled in for a command that has been parsed. */
export function layersOf(command: CommandUnknownOpts): Layers {
  return layersByCommand.get(command) ?? { file: undefined, places: new Map() };
}

/**
 * Makes a command and those below it fill in their settings when they are parsed: after the flags,
 * and before commander looks for options that are required. A request for help needs no settings.
 */
export function layerSettings(command: CommandUnknownOpts, environment: Environment): void {
  for (const leaf of leavesOf(command)) {
    const parse = leaf.parseOptions.bind(leaf);
    leaf.parseOptions = (args) => {
      const parsed = parse(args);
      if (!parsed.unknown.some((arg) => arg === "-h" || arg === "--help")) {
        layersByCommand.set(leaf, applyLayers(leaf, environment));
      }
      return parsed;
    };
  }
}

function applyLayers(command: CommandUnknownOpts, environment: Environment): Layers {
  inheritSharedValues(command);
  const named = sharedValues(command).config ?? environment.variable("ARDIFF_CONFIG");
  const file = readSettingsFile(named, rootOf(command), environment);
  const places = new Map<Option, string>();
  for (const setting of settingsOf(command)) {
    const { option } = setting;
    const source = command.getOptionValueSource(option.attributeName());
    if (source !== undefined && source !== "default") continue;
    const found = fromEnvironment(setting, environment) ?? fromFile(setting, command, file);
    if (found === undefined) continue;
    command.setOptionValueWithSource(option.attributeName(), found.value, found.source);
    places.set(option, found.place);
  }
  return { file: file?.path, places };
}

/** A value with where it came from, for commander and for people. */
interface Found {
  readonly value: unknown;
  readonly source: "env" | "config";
  readonly place: string;
}

function fromEnvironment({ option, variable }: Setting, environment: Environment) {
  const text = environment.variable(variable);
  if (text === undefined) return undefined;
  const raw = takesNoValue(option) ? TRUTH.get(text) ?? text : text;
  const value = readAs(option, raw, () => `${variable}=${JSON.stringify(text)}`);
  return { value, source: "env", place: variable } satisfies Found;
}

/** How a variable says yes or no. */
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

function fromFile(
  { option, key, inFile }: Setting,
  command: CommandUnknownOpts,
  file: SettingsFile | undefined,
) {
  const found = inFile ? file?.find(command, key) : undefined;
  if (file === undefined || found === undefined) return undefined;
  const place = `[${found.section}] in "${file.path}"`;
  const shown = typeof found.value === "bigint" ? found.value : JSON.stringify(found.value);
  const value = readAs(option, found.value, () => `${key} = ${shown} of ${place}`);
  return { value, source: "config", place } satisfies Found;
}

/** Reads a value as the option reads its text on the command line. */
function readAs(option: Option, raw: unknown, describe: () => string): unknown {
  const refuse = (expected: string, cause?: unknown): never => {
    throw new UserError(ExitCode.usage, `Cannot use ${describe()}: ${expected}`, { cause });
  };
  if (takesNoValue(option)) {
    return typeof raw === "boolean" ? raw : refuse("expected true or false");
  }
  const text = textOf(raw) ?? refuse(`expected what ${option.flags} takes`);
  if (option.parseArg === undefined) return text;
  try {
    return option.parseArg(text, undefined);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const expected = messageOf(error).replace(/\.$/, "");
    return refuse(expected.charAt(0).toLowerCase() + expected.slice(1), error);
  }
}

/** A TOML value as it would be typed: a list as its entries with commas between them. */
function textOf(raw: unknown): string | undefined {
  if (typeof raw === "string") return raw;
  if (typeof raw === "number" || typeof raw === "bigint") return String(raw);
  if (!Array.isArray(raw)) return undefined;
  const parts = raw.map(textOf);
  return parts.every((part) => part !== undefined) ? parts.join(",") : undefined;
}

function takesNoValue(option: Option): boolean {
  return !option.required && !option.optional;
}
