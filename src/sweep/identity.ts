/**
 * What tells trainings and cells apart: hashes of everything that a result depends on, so that what is
 * done is known again, whatever plan asks for it. Options that have their defaults are left out: one
 * that is new in ardiff changes no hash.
 */
import { createHash } from "node:crypto";
import { loadModelFolder, MODEL_FILES } from "../denoiser/model_folder.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { defaultsOf, GENERATION_OPTIONS, LOAD_OPTIONS } from "../generation/options.ts";
import { digestOf } from "../host/manifest.ts";
import type { DataSpec } from "../text/data_spec.ts";
import { parseTrainingConfig, type TrainingConfig } from "../training/config.ts";
import { OPTIONS } from "../training/options.ts";
import type { AxisValue, Budget, Cell, CellOptions, Plan } from "./plan.ts";

/** A training that one or more cells need. */
export interface Training {
  readonly hash: string;
  readonly config: TrainingConfig;
  /** `section.key=value` each: how it departs from the plan's configuration. */
  readonly settings: readonly string[];
}

/** A cell with its place among all cells there can be. */
export interface KnownCell extends Pick<Cell, "axes" | "generation"> {
  readonly hash: string;
  /** What is trained for it, or the folder of a model that is there. */
  readonly model: Training | string;
  /** What it generates for. */
  readonly data: DataSpec;
}

/** Sections of a configuration on which no weights depend. */
const WEIGHTLESS = ["validation", "checkpoints", "card", "log"];
/** The same of single options. */
const WEIGHTLESS_OPTIONS = ["training.device", "training.threads", "training.non_finite"];

/**
 * The cells of a plan, each once.
 *
 * @param base the content of the plan's configuration
 * @throws {UserError} where a cell's configuration cannot be read, or a file of it
 */
export function knownCells(plan: Plan, base: string): KnownCell[] {
  const cells = new Map<string, KnownCell>();
  const digest = memoized(digestOfNamed);
  const weights = memoized(weightsOf);
  for (const cell of plan.cells) {
    const settings = withBudget(cell.settings, plan.budget);
    const config = parseTrainingConfig(base, plan.config, settings);
    const data = config.data.dev;
    if (data === null) {
      throw new UserError(
        ExitCode.model,
        `Cannot evaluate with configuration "${plan.config}": it has no [data.dev] to generate for`,
      );
    }
    const model = cell.model ??
      { hash: trainingHash(config, plan.budget, digest), config, settings };
    const { lines, metrics } = plan;
    const hash = hashOf([
      typeof model === "string" ? weights(model) : model.hash,
      departures(cell.generation, defaultsOf({ ...GENERATION_OPTIONS, ...LOAD_OPTIONS })),
      contentOf(data, digest),
      lines,
      metrics,
    ]);
    // The first plan of a cell names it.
    if (!cells.has(hash)) cells.set(hash, { ...cell, hash, model, data });
  }
  return [...cells.values()];
}

/** What a cell is called: its values on the axes. */
export function labelOf(axes: Readonly<Record<string, AxisValue>>): string {
  return Object.entries(axes).map(([axis, value]) => `${axis} = ${value}`).join(", ") || "the cell";
}

/** A budget of updates is the training's length, by which its learning rate falls. */
function withBudget(settings: readonly string[], { updates }: Budget): readonly string[] {
  return updates === undefined ? settings : [`training.steps=${updates}`, ...settings];
}

function trainingHash(config: TrainingConfig, budget: Budget, digest: Digest): string {
  const { data, ...sections } = config;
  const options = Object.entries(sections).filter(([section]) => !WEIGHTLESS.includes(section))
    .flatMap(([section, values]) => {
      const table: Readonly<Record<string, { readonly default: unknown }>> =
        OPTIONS[section as keyof typeof OPTIONS];
      const standard = Object.fromEntries(
        Object.entries(table).map(([key, option]) => [key, option.default]),
      );
      return departures(values, standard).map(([key, value]) => [`${section}.${key}`, value]);
    })
    .filter(([key]) => !WEIGHTLESS_OPTIONS.includes(key as string));
  const { tokenizer, training } = config;
  const files = [
    ...tokenizer.file === null ? [] : [digest(tokenizer.file)],
    ...training.start_from === null ? [] : [weightsOf(training.start_from)],
  ];
  const { updates: _isAnOption, ...limits } = budget;
  const sets = data.train.map(({ spec, ...when }) => [
    when.distill === undefined ? contentOf(spec, digest) : null,
    when,
  ]);
  return hashOf([options, sets, files, limits]);
}

/** How a data set is read, and what is in its files, whatever they are called. */
function contentOf(spec: DataSpec, digest: Digest): unknown {
  const files = spec.format === "text" ? [spec.sourceFile, spec.targetFile] : [spec.file];
  return [{ ...spec, file: null, sourceFile: null, targetFile: null }, files.map(digest)];
}

/** @throws {UserError} where a file that a plan or its configuration names cannot be read */
function digestOfNamed(path: string): string {
  try {
    return digestOf(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "no such file; data that comes with the program is unpacked by deno task data"
      : messageOf(cause);
    throw new UserError(ExitCode.data, `Cannot read "${path}": ${reason}`, { cause });
  }
}

function weightsOf(model: string): string {
  const { path } = loadModelFolder(model);
  return hashOf(
    [MODEL_FILES.config, MODEL_FILES.weights].map((name) => digestOf(`${path}/${name}`)),
  );
}

/** Values that are not the defaults, by name. */
function departures(values: CellOptions | object, standard: object): [string, unknown][] {
  const plain = standard as Readonly<Record<string, unknown>>;
  return Object.entries(values)
    .filter(([name, value]) => canonical(value) !== canonical(plain[name]))
    .toSorted(([left], [right]) => left < right ? -1 : 1);
}

type Digest = (path: string) => string;

function memoized(compute: (key: string) => string): Digest {
  const known = new Map<string, string>();
  return (key) => {
    const found = known.get(key) ?? compute(key);
    known.set(key, found);
    return found;
  };
}

/** A short hash of a value. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16);
}

/** JSON in which integers of 64 bits are texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}` : part) ?? "";
}
