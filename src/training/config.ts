/**
 * The configuration of a training run: a TOML or YAML file, changed by `--set key=value`, with every
 * option filled in and checked.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { number } from "../host/json_fields.ts";
import { describe, isObject } from "../host/json_value.ts";
import { readToml, readTomlValue } from "../host/toml.ts";
import { isYamlPath, readYaml } from "../host/yaml.ts";
import { nearest } from "../nearest.ts";
import { type DataSpec, parseDataSpec } from "../text/data_spec.ts";
import type { DistillTable } from "./distill/table.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionValues } from "./options.ts";
import { PRESET_NAMES, type PresetName, PRESETS } from "./presets.ts";
import { firstDifference } from "./scheduled.ts";
import { parseTrainingSets, setsByUpdate, type TrainingSet } from "./training_sets.ts";

/** A run's configuration, complete and checked. */
export interface TrainingConfig extends OptionValues {
  readonly data: {
    readonly train: readonly TrainingSet[];
    /** A set of its own, or what is held out of the training data; without one no validation. */
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

/**
 * A data set, or how the run distils one, and the updates that are made on it, by how many were made
 * before.
 */
export type TrainingTable =
  & (DataTable | { readonly distill: Partial<DistillTable> })
  & { readonly from?: number; readonly until?: number };

/**
 * A configuration as a program gives it: the tables of a configuration file. Options that are left
 * out have the values of the preset, or else the defaults of docs/options.md.
 */
export type TrainingSettings =
  & { readonly preset?: PresetName }
  & {
    readonly data: {
      readonly train: DataTable | readonly TrainingTable[];
      readonly dev?: DataTable;
      readonly hold_out?: number;
    };
  }
  & { readonly [Section in keyof OptionValues]?: Partial<OptionValues[Section]> };

type Table = Record<string, unknown>;

const SECTIONS: Readonly<Record<string, Readonly<Record<string, Option<unknown>>>>> = OPTIONS;
const DATA_KEYS = ["train", "dev", "hold_out"];
const HELD_OUT_SHARE = number(0.0001, 0.5);

/**
 * Reads a configuration.
 *
 * @param text the file's content: YAML where its name ends in `.yaml` or `.yml`, else TOML
 * @param source the file's path
 * @param settings `section.key=value` each, or `preset=NAME`, as given on the command line; they
 *   overrule the file
 * @throws {UserError} where the text is neither, a key is unknown or missing, or a value is not
 *   what its option takes
 */
export function parseTrainingConfig(
  text: string,
  source: string,
  settings: readonly string[] = [],
): TrainingConfig {
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.model, `Cannot read configuration "${source}": ${problem}`);
  };
  const table = isYamlPath(source) ? readYamlTables(text, fail) : readToml(text, fail);
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

/** The two sets; without a development set, one may be held out of the training set. */
function dataSets(
  { train, dev, hold_out: share }: Table,
  steps: number,
  fail: Fail,
): TrainingConfig["data"] {
  const sets = parseTrainingSets(train, steps);
  if (share === undefined) {
    return { train: sets, dev: dev === undefined ? null : parseDataSpec(dev, "data.dev") };
  }
  if (!HELD_OUT_SHARE.accepts(share)) {
    return fail(`"data.hold_out" is ${describe(share)}, expected ${HELD_OUT_SHARE.expected}`);
  }
  if (dev !== undefined) {
    fail('"data.hold_out" and "data.dev" both say what the development set is: leave out one');
  }
  if (sets.some(({ distill }) => distill !== undefined && distill.share < 1)) {
    fail('"data.hold_out" and a share in distill do not go together: leave out one');
  }
  return {
    train: sets.map((set) => ({ ...set, spec: { ...set.spec, part: { share, heldOut: false } } })),
    dev: { ...sets[0]!.spec, groupSources: true, part: { share, heldOut: true } },
  };
}

function readYamlTables(text: string, fail: Fail): Table {
  const value = readYaml(text, fail);
  return isObject(value) ? value : fail(`it is ${describe(value)}, expected sections of options`);
}

/** Checks the tables of a configuration and fills in what they leave out. */
function checkTrainingConfig(table: Table, fail: Fail): TrainingConfig {
  expectKnown(table, ["preset", ...Object.keys(SECTIONS), "data"], "", fail);
  const preset = presetValues(table["preset"], fail);
  const data = section(table, "data", fail);
  expectKnown(data, DATA_KEYS, "data", fail);
  if (data["train"] === undefined) {
    fail('missing table "data.train": expected format and file (or source_file and target_file)');
  }
  const values = Object.entries(SECTIONS).map(([name, options]) =>
    [name, readOptions(section(table, name, fail), name, options, preset[name], fail)] as const
  );
  const options = Object.fromEntries(values) as unknown as OptionValues;
  const sets = dataSets(data, options.training.steps, fail);
  const distilled = sets.train.flatMap(({ distill }) => distill ?? []);
  if (options.text.length !== "fixed" && distilled.length > 0) {
    fail(
      '"text.length" is "batch", by which the slots of a source depend on all data; a set that the ' +
        'run is to distil needs "fixed"',
    );
  }
  if (!options.network.shifted && distilled.some(({ beam }) => beam > 1)) {
    fail('"beam" in distill needs "network.shifted": other models have no beam search');
  }
  return {
    data: sets,
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
  const text = setting.slice(equals + 1).trim();
  if (equals >= 0 && names.join() === "preset") {
    presetValues(text, fail);
    table["preset"] = text;
    return;
  }
  if (equals < 0 || names.length < 2 || names.includes("")) {
    return fail("expected section.key=value, as in training.steps=1000");
  }
  const value = settingValue(names, text);
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
  if (first === "data") return expectKnown({ [rest[0]!]: value }, DATA_KEYS, "data", fail);
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

/** What a preset sets, by section; nothing without one. */
function presetValues(name: unknown, fail: Fail): Readonly<Record<string, Table | undefined>> {
  if (name === undefined) return {};
  const known = PRESET_NAMES.find((preset) => preset === name);
  if (known !== undefined) return PRESETS[known].values as Readonly<Record<string, Table>>;
  const near = typeof name === "string" ? nearest(name, PRESET_NAMES) : undefined;
  return fail(
    `"preset" is ${describe(name)}, ${
      near === undefined ? `expected one of ${PRESET_NAMES.join(", ")}` : `did you mean "${near}"?`
    }`,
  );
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
  if (stranger === "preset") {
    fail(`unknown key "${join(stranger)}": the preset stands above the first table, or by --set`);
  }
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
  preset: Table | undefined,
  fail: Fail,
): Table {
  expectKnown(table, Object.keys(options), name, fail);
  const values = Object.entries(options).map(([key, option]) => {
    const value = [table[key], preset?.[key], option.default].find((value) => value !== undefined);
    if (!option.type.accepts(value)) {
      fail(`"${name}.${key}" is ${describe(value)}, expected ${option.type.expected}`);
    }
    return [key, value];
  });
  return Object.fromEntries(values);
}
