/**
 * The configuration of a training run: a TOML file, changed by `--set key=value`, with every option
 * filled in and checked.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { describe, isObject } from "../host/json_value.ts";
import { readToml, readTomlValue } from "../host/toml.ts";
import { nearest } from "../nearest.ts";
import { type DataSpec, parseDataSpec } from "../text/data_spec.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionValues } from "./options.ts";
import { firstDifference } from "./scheduled.ts";
import { parseTrainingSets, setsByUpdate, type TrainingSet } from "./training_sets.ts";

/** A run's configuration, complete and checked. */
export interface TrainingConfig extends OptionValues {
  readonly data: {
    readonly train: readonly TrainingSet[];
    /** Without a development set there is no validation. */
    readonly dev: DataSpec | null;
  };
}

/** A data set as a configuration describes it; docs/training.md says what the keys mean. */
export type DataTable =
  & { readonly group_sources?: boolean }
  & (
    | { readonly format: "text"; readonly source_file: string; readonly target_file: string }
    | {
      readonly format: "tsv" | "csv";
      readonly file: string;
      readonly source?: number | string;
      readonly target?: number | string;
      readonly header?: boolean;
      readonly delimiter?: string;
    }
    | {
      readonly format: "jsonl";
      readonly file: string;
      readonly source?: string;
      readonly target?: string;
    }
  );

/** A data set and the updates that are made on it, by how many were made before. */
export type TrainingTable = DataTable & { readonly from?: number; readonly until?: number };

/**
 * A configuration as a program gives it: the tables of a configuration file. Options that are left
 * out have the defaults of docs/options.md.
 */
export type TrainingSettings =
  & {
    readonly data: {
      readonly train: DataTable | readonly TrainingTable[];
      readonly dev?: DataTable;
    };
  }
  & { readonly [Section in keyof OptionValues]?: Partial<OptionValues[Section]> };

type Table = Record<string, unknown>;

const SECTIONS: Readonly<Record<string, Readonly<Record<string, Option<unknown>>>>> = OPTIONS;
const DATA_SETS = ["train", "dev"];

/**
 * Reads a configuration.
 *
 * @param toml the file's content
 * @param source the file's path, for messages
 * @param settings `section.key=value` each, as given on the command line; they overrule the file
 * @throws {UserError} where the text is not TOML, a key is unknown or missing, or a value is not
 *   what its option takes
 */
export function parseTrainingConfig(
  toml: string,
  source: string,
  settings: readonly string[] = [],
): TrainingConfig {
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.model, `Cannot read configuration "${source}": ${problem}`);
  };
  const table = readToml(toml, fail);
  for (const setting of settings) applySetting(table, setting);
  return checkTrainingConfig(table, fail);
}

/**
 * Checks a configuration that a program gives.
 *
 * @param changes `section.key=value` each; they overrule it
 * @throws {UserError} as {@linkcode parseTrainingConfig}
 */
export function checkTrainingSettings(
  settings: TrainingSettings,
  changes: readonly string[] = [],
): TrainingConfig {
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.model, `Cannot use the configuration: ${problem}`);
  };
  if (!isObject(settings)) fail(`it is ${describe(settings)}, expected an object`);
  const table = structuredClone(settings) as unknown as Table;
  for (const change of changes) applySetting(table, change);
  return checkTrainingConfig(table, fail);
}

/** Checks the tables of a configuration and fills in defaults. */
function checkTrainingConfig(table: Table, fail: Fail): TrainingConfig {
  expectKnown(table, [...Object.keys(SECTIONS), "data"], "", fail);
  const data = section(table, "data", fail);
  expectKnown(data, DATA_SETS, "data", fail);
  if (data["train"] === undefined) {
    fail('missing table "data.train": expected format and file (or source_file and target_file)');
  }
  const values = Object.entries(SECTIONS).map(([name, options]) =>
    [name, readOptions(section(table, name, fail), name, options, fail)] as const
  );
  const options = Object.fromEntries(values) as unknown as OptionValues;
  return {
    data: {
      train: parseTrainingSets(data["train"], options.training.steps),
      dev: data["dev"] === undefined ? null : parseDataSpec(data["dev"], "data.dev"),
    },
    ...options,
  };
}

/** A key on which two configurations differ, with its values as JSON. */
interface ChangedKey {
  readonly key: string;
  readonly before: string;
  readonly now: string;
  /** The first update that it makes a difference to, from 1; of a table, which may be far. */
  readonly update: number;
}

/**
 * The keys on which two configurations differ although the weights depend on them. Of data, only when
 * they are trained on counts; their content is compared elsewhere.
 *
 * @param before may come from an older ardiff: an option it lacks had its default
 */
export function findChangedKeys(before: TrainingConfig, now: TrainingConfig): ChangedKey[] {
  const fixed = Object.entries(SECTIONS).flatMap(([section, options]) =>
    Object.entries(options).filter(([, option]) => !option.mayChange)
      .map(([name, option]) => ({ section, name, standard: option.default }))
  );
  const pairs = fixed.map(({ section, name, standard }) => {
    const [left, right] = [before, now].map((config) => {
      const values = config[section as keyof OptionValues] as Table | undefined;
      return values?.[name] ?? standard;
    });
    return { key: `${section}.${name}`, left, right };
  });
  const [left, right] = [before, now].map(({ data }) =>
    // An older ardiff had one set, from start to end.
    setsByUpdate(Array.isArray(data?.train) ? data.train : [{ from: 0, until: null }])
  );
  return [...pairs, { key: "data.train", left, right }].flatMap(({ key, left, right }) => {
    const update = firstDifference(left, right);
    return update === undefined
      ? []
      : [{ key, before: describe(left), now: describe(right), update }];
  });
}

/**
 * Puts the value of one `--set` into the tables.
 *
 * @throws {UserError} that names the setting, where there is no such key or it takes no such value
 */
function applySetting(table: Table, setting: string): void {
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.usage, `Cannot apply --set "${setting}": ${problem}`);
  };
  const equals = setting.indexOf("=");
  const names = setting.slice(0, Math.max(equals, 0)).split(".").map((name) => name.trim());
  if (equals < 0 || names.length < 2 || names.includes("")) {
    return fail("expected section.key=value, as in training.steps=1000");
  }
  const value = settingValue(names, setting.slice(equals + 1).trim());
  expectSettable(names, value, fail);
  let place = table;
  for (const name of names.slice(0, -1)) {
    if (Array.isArray(place[name])) fail(`"${name}" is a list; change it in the file`);
    if (!isObject(place[name])) place[name] = {};
    place = place[name] as Table;
  }
  place[names.at(-1)!] = value;
}

/** What keys of data sets may be is seen where they are read. */
function expectSettable([first, ...rest]: readonly string[], value: unknown, fail: Fail): void {
  expectKnown({ [first!]: value }, [...Object.keys(SECTIONS), "data"], "", fail);
  if (first === "data") return expectKnown({ [rest[0]!]: value }, DATA_SETS, "data", fail);
  const [options, key] = [SECTIONS[first!]!, rest.join(".")];
  expectKnown({ [key]: value }, Object.keys(options), first!, fail);
  const { type } = options[key]!;
  if (!type.accepts(value)) fail(`expected ${type.expected}`);
}

/**
 * A TOML value; text that is no such is a string, so that a shell needs no second quotes. TOML cannot
 * say that there is no value, so "none" does, for options that may have none.
 */
function settingValue([section, ...rest]: readonly string[], text: string): unknown {
  const option = SECTIONS[section!]?.[rest.join(".")];
  if (text === "none" && option?.type.accepts(null)) return null;
  return readTomlValue(text) ?? text;
}

function section(table: Table, name: string, fail: Fail): Table {
  const found = table[name] ?? {};
  if (!isObject(found)) return fail(`"${name}" is ${describe(found)}, expected a table [${name}]`);
  return found;
}

function expectKnown(
  table: Table,
  names: readonly string[],
  path: string,
  fail: Fail,
): void {
  const join = (name: string) => path === "" ? name : `${path}.${name}`;
  const stranger = Object.keys(table).find((name) => !names.includes(name));
  if (stranger === undefined) return;
  const near = nearest(stranger, names) ?? elsewhere(stranger);
  const suggestion = near === undefined
    ? `expected ${names.map(join).join(", ")}`
    : `did you mean "${near.includes(".") ? near : join(near)}"?`;
  fail(`unknown key "${join(stranger)}": ${suggestion}`);
}

/** The full name of an option that was put into the wrong section. */
function elsewhere(name: string): string | undefined {
  const found = Object.entries(SECTIONS).find(([, options]) => Object.hasOwn(options, name));
  return found && `${found[0]}.${name}`;
}

function readOptions(
  table: Table,
  name: string,
  options: Readonly<Record<string, Option<unknown>>>,
  fail: Fail,
): Table {
  expectKnown(table, Object.keys(options), name, fail);
  const values = Object.entries(options).map(([key, option]) => {
    const value = table[key] ?? option.default;
    if (!option.type.accepts(value)) {
      fail(`"${name}.${key}" is ${describe(value)}, expected ${option.type.expected}`);
    }
    return [key, value];
  });
  return Object.fromEntries(values);
}
