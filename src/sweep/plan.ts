/**
 * A plan of a sweep, a TOML file: what is trained or taken as it is, what is varied, what is measured
 * and what a training may cost. Reading it gives cells: every combination of the axes' values once.
 */
import { ExitCode, UserError } from "../errors.ts";
import {
  GENERATION_OPTIONS,
  type GenerationOption,
  type GenerationValues,
  LOAD_OPTIONS,
  type ValuesOf,
} from "../generation/options.ts";
import type { Fail } from "../host/fail.ts";
import {
  type Fields,
  integer,
  listOf,
  number,
  oneOf,
  readFields,
  since,
  text,
} from "../host/json_fields.ts";
import { describe, isObject, type JsonObject } from "../host/json_value.ts";
import { readToml } from "../host/toml.ts";
import { type Metric, METRICS } from "../metrics/metric_names.ts";
import { nearest } from "../nearest.ts";

/** What a training may cost; whichever is reached first ends it. */
export interface Budget {
  /** Updates: `training.steps` of every cell that does not set it. */
  readonly updates?: number;
  /** Minutes by the clock. */
  readonly minutes?: number;
  /** Minutes of a processor, which another program's work does not shorten. */
  readonly processor_minutes?: number;
}

/** A value of an axis as reports show it. */
export type AxisValue = string | number | boolean;

/** How a cell generates, as far as its plan says. */
export type CellOptions = Partial<GenerationValues & ValuesOf<typeof LOAD_OPTIONS>>;

/** One combination of values. */
export interface Cell {
  /** What the cell is called on each axis, in the order of the plan. */
  readonly axes: Readonly<Record<string, AxisValue>>;
  /** `section.key=value` each, for the training configuration. */
  readonly settings: readonly string[];
  /** A model to take as it is; undefined: the cell trains its own. */
  readonly model: string | undefined;
  readonly generation: CellOptions;
}

/** A plan that has been read. */
export interface Plan {
  /** The file's name without its ending. */
  readonly name: string;
  /** What the sweep is to find out. */
  readonly about: string;
  /** The training configuration that cells start from; its development set is what is evaluated on. */
  readonly config: string;
  /** Lines of the development set that are generated for, evenly spaced; 0: all. */
  readonly lines: number;
  readonly metrics: readonly Metric[];
  readonly budget: Budget;
  readonly cells: readonly Cell[];
}

/** The values that one choice on an axis sets, by key. */
type Settings = Readonly<Record<string, unknown>>;

/** A choice on an axis. */
interface Choice {
  readonly label: AxisValue;
  readonly set: Settings;
}

type Axes = readonly { readonly name: string; readonly choices: readonly Choice[] }[];

const object = {
  expected: "a table",
  accepts: isObject,
};
const grids = {
  expected: "a list of tables [[grids]]",
  accepts: (value: unknown): value is readonly JsonObject[] =>
    Array.isArray(value) && value.length > 0 && value.every(isObject),
};

const PLAN_FIELDS: Fields<
  Pick<Plan, "about" | "config" | "lines" | "metrics"> & {
    readonly budget: JsonObject;
    readonly set: Settings;
    readonly axes: JsonObject;
    readonly grids: readonly JsonObject[];
  }
> = {
  about: since(text, ""),
  config: text,
  lines: since(integer(0, 2 ** 31 - 1), 200),
  metrics: since(listOf(oneOf(METRICS)), ["bleu"]),
  budget: since(object, {}),
  set: since(object, {}),
  axes: since(object, {}),
  grids: since(grids, [{}]),
};
const GRID_FIELDS = { set: since(object, {}), axes: since(object, {}) };
const BUDGET_FIELDS: Readonly<Record<keyof Budget, ReturnType<typeof number>>> = {
  updates: integer(1, 2 ** 31 - 1),
  minutes: number(0, 1e9),
  processor_minutes: number(0, 1e9),
};

/** What a key that begins so is about. */
const GENERATION = "generate.";
const MODEL = "model";
/** Of a training configuration, what is generated for: nothing is trained on it. */
const TEST_SET = "data.dev";

/** The options that a cell may set, by their keys: `batch_size` for `--batch-size`. */
const OPTIONS: ReadonlyMap<string, [name: string, row: GenerationOption<unknown>]> = new Map(
  Object.entries<GenerationOption<unknown>>({ ...GENERATION_OPTIONS, ...LOAD_OPTIONS })
    .filter(([, { ofStreams }]) => !ofStreams)
    .map((
      [name, row],
    ) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), [name, row]]),
);

/**
 * Reads a plan.
 *
 * @param toml the file's content
 * @param path the file's path, for messages and for the plan's name
 * @throws {UserError} where the text is not TOML, a key is unknown or missing, or a value is not what
 *   its option takes. Keys of the training configuration are checked where it is read
 */
export function parsePlan(toml: string, path: string): Plan {
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.model, `Cannot read plan "${path}": ${problem}`);
  };
  const fields = readFields(readToml(toml, fail), PLAN_FIELDS, "", fail);
  const { about, config, lines, metrics } = fields;
  const cells = fields.grids.flatMap((grid, index) => {
    const place = fields.grids.length > 1 ? `grids ${index + 1}` : "axes";
    const own = readFields(grid, GRID_FIELDS, place, fail);
    const axes = axesOf({ ...fields.axes, ...own.axes }, fail);
    return combinations(axes).map((choices) =>
      cellOf({ ...fields.set, ...own.set }, choices, fail)
    );
  });
  return {
    name: path.slice(path.lastIndexOf("/") + 1).replace(/\.toml$/, ""),
    about,
    config,
    lines,
    metrics,
    budget: readBudget(fields.budget, fail),
    cells,
  };
}

function readBudget(table: JsonObject, fail: Fail): Budget {
  for (const [name, value] of Object.entries(table)) {
    const type = BUDGET_FIELDS[name as keyof Budget];
    if (type === undefined) {
      fail(`unknown key "budget.${name}": expected ${Object.keys(BUDGET_FIELDS).join(", ")}`);
    } else if (!type.accepts(value)) {
      fail(`"budget.${name}" is ${describe(value)}, expected ${type.expected}`);
    }
  }
  return table;
}

function axesOf(table: JsonObject, fail: Fail): Axes {
  return Object.entries(table).map(([name, values]) => {
    if (!Array.isArray(values) || values.length === 0) {
      return fail(`axis "${name}" is ${describe(values)}, expected a list of values`);
    }
    return { name, choices: values.map((value: unknown) => choiceOf(name, value, fail)) };
  });
}

/** A value of the axis' own key, or a table of several keys that has a name. */
function choiceOf(axis: string, value: unknown, fail: Fail): Choice {
  if (!isObject(value)) {
    if (isAxisValue(value)) return { label: value, set: { [axis]: value } };
    return { label: JSON.stringify(value), set: { [axis]: value } };
  }
  const { name, ...set } = value;
  if (isAxisValue(name)) return { label: name, set };
  return fail(`axis "${axis}" has a choice of several keys without a name: add name = "..."`);
}

function isAxisValue(value: unknown): value is AxisValue {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** Every combination of the axes' choices, the last axis running fastest. */
function combinations(axes: Axes): (readonly [axis: string, choice: Choice])[][] {
  return axes.reduce<(readonly [string, Choice])[][]>(
    (combined, { name, choices }) =>
      combined.flatMap((before) => choices.map((choice) => [...before, [name, choice] as const])),
    [[]],
  );
}

/** A cell of what all have in common and its choices, of which the later overrule the earlier. */
function cellOf(
  common: Settings,
  choices: readonly (readonly [axis: string, choice: Choice])[],
  fail: Fail,
): Cell {
  const all = Object.assign({}, common, ...choices.map(([, { set }]) => set)) as Settings;
  const { [MODEL]: model, ...rest } = all;
  if (model !== undefined && typeof model !== "string") {
    return fail(`"model" is ${describe(model)}, expected the path of a model folder`);
  }
  const entries = Object.entries(rest);
  const settings = entries.filter(([key]) => !key.startsWith(GENERATION));
  const trained = settings.find(([key]) => !key.startsWith(TEST_SET));
  if (model !== undefined && trained !== undefined) {
    fail(
      `cells with the model "${model}" set "${trained[0]}", but are not trained: ` +
        `expected keys that begin with "${GENERATION}" or "${TEST_SET}"`,
    );
  }
  return {
    axes: Object.fromEntries(choices.map(([axis, { label }]) => [axis, label])),
    settings: settings.map(([key, value]) => `${key}=${settingText(value)}`),
    model,
    generation: Object.fromEntries(
      entries.filter(([key]) => key.startsWith(GENERATION))
        .map(([key, value]) => optionOf(key, value, fail)),
    ),
  };
}

/** A value as `--set` takes it: TOML, but for "none", which stands for no value. */
function settingText(value: unknown): string {
  return value === "none" ? value : inlineToml(value);
}

/** A value on one line of TOML, tables and all. */
function inlineToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inlineToml).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value)
    .map(([key, part]) => `${JSON.stringify(key)} = ${inlineToml(part)}`);
  return `{ ${entries.join(", ")} }`;
}

/** An option's name and value. */
function optionOf(key: string, value: unknown, fail: Fail): [string, unknown] {
  const name = key.slice(GENERATION.length);
  const known = OPTIONS.get(name);
  if (known === undefined) {
    const near = nearest(name, [...OPTIONS.keys()]);
    return fail(
      `unknown key "${key}": ` +
        (near === undefined
          ? `expected an option of generate, such as ${GENERATION}steps`
          : `did you mean "${GENERATION}${near}"?`),
    );
  }
  const [option, { type }] = known;
  const parsed = type.parse(String(value));
  if (parsed === undefined) fail(`"${key}" is ${describe(value)}, expected ${type.expected}`);
  return [option, parsed];
}
