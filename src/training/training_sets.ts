/** `[data.train]`: what is trained on, and when. */
import { ExitCode, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { integer } from "../host/json_fields.ts";
import { describe, isObject } from "../host/json_value.ts";
import { type DataSpec, parseDataSpec } from "../text/data_spec.ts";
import { type DistillTable, parseDistillTable } from "./distill/table.ts";
import { beginnings, type ByUpdate, valueAt } from "./scheduled.ts";

/** A data set, and the updates that are made on it. */
export interface TrainingSet {
  readonly spec: DataSpec;
  /** The number of updates after which it is trained on. */
  readonly from: number;
  /** The number of updates after which it no longer is; null: to the end. */
  readonly until: number | null;
  /**
   * How the run writes the set once it has made `from` updates, of the sources it was then trained on;
   * absent for a set that is there. Its `spec` is the file that is written.
   */
  readonly distill?: DistillTable;
}

const count = integer(0, 2 ** 31 - 1);

/**
 * Reads `[data.train]`, which is one table or a list of them, `[[data.train]]`, with `from` and
 * `until`.
 *
 * @param steps updates of the run, for each of which there must be a set
 * @throws {UserError} for what no data set is read from, and for updates without one
 */
export function parseTrainingSets(value: unknown, steps: number): readonly TrainingSet[] {
  const sets = Array.isArray(value)
    ? value.map((table, index) => parseSet(table, `data.train.${index}`))
    : [parseSet(value, "data.train")];
  const phases = setsByUpdate(sets);
  const empty = beginnings(phases).find((updates) =>
    updates < steps && valueAt(phases, updates + 1).length === 0
  );
  if (empty === undefined) return sets.map((set, index) => checkedDistillation(set, index, sets));
  throw new UserError(
    ExitCode.model,
    `Cannot train on [data.train]: no set of it is there for update ${empty + 1}; expected one ` +
      "with from = 0, and no gap between until and the next from",
  );
}

function parseSet(table: unknown, where: string): TrainingSet {
  if (!isObject(table)) return { spec: parseDataSpec(table, where), from: 0, until: null };
  const { from = 0, until = null, distill, ...rest } = table;
  const expect = (key: string, value: unknown, least: number) => {
    if (count.accepts(value) && value >= least) return value;
    throw new UserError(
      ExitCode.model,
      `Cannot use ${key} = ${describe(value)} in [${where}]: expected a number of updates, ` +
        `at least ${least}`,
    );
  };
  const begin = expect("from", from, 0);
  const span = { from: begin, until: until === null ? null : expect("until", until, begin + 1) };
  if (distill === undefined) return { spec: parseDataSpec(rest, where), ...span };
  const fail: Fail = (problem) => {
    throw new UserError(ExitCode.model, `Cannot use distill in [${where}]: ${problem}`);
  };
  const [other] = Object.keys(rest);
  if (other !== undefined) {
    fail(
      `the run writes that set itself, so "${other}" says nothing; expected from, until, distill`,
    );
  }
  const file = `distilled-${begin}.tsv`;
  const spec = parseDataSpec({ format: "tsv", file }, where);
  return { spec, ...span, distill: parseDistillTable(distill, `${where}.distill`, fail) };
}

/** A set that the run writes needs one that is distilled, and all that come before it above it. */
function checkedDistillation(
  set: TrainingSet,
  index: number,
  sets: readonly TrainingSet[],
): TrainingSet {
  if (set.distill === undefined) return set;
  const refuse = (problem: string) => {
    throw new UserError(
      ExitCode.model,
      `Cannot use distill in [data.train.${index}]: ${problem}`,
    );
  };
  if (teachingSet(sets.slice(0, index), set.from) === undefined) {
    refuse(
      `it is written after update ${set.from}, of the one set that is trained on then; expected ` +
        "exactly one above it",
    );
  }
  const earlier = sets.findIndex(({ from }, place) => place > index && from < set.from);
  if (earlier >= 0) refuse(`[data.train.${earlier}], which begins before it, must stand above it`);
  return set;
}

/** The set whose pairs are distilled after an update; undefined where there is none, or several. */
export function teachingSet(
  sets: readonly TrainingSet[],
  update: number,
): TrainingSet | undefined {
  const found = sets.filter(({ from, until, distill }) =>
    distill === undefined && from < update && update <= (until ?? Infinity)
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Sets that a run writes lie in its folder. */
export function setsIn(output: string, sets: readonly TrainingSet[]): readonly TrainingSet[] {
  return sets.map((set) =>
    set.distill === undefined || set.spec.format === "text"
      ? set
      : { ...set, spec: { ...set.spec, file: `${output}/${set.spec.file}` } }
  );
}

/** The sets that are there when a set is yet to be written: until then, no other follows on one. */
export function setsBefore(
  sets: readonly TrainingSet[],
  unwritten: TrainingSet | undefined,
): readonly TrainingSet[] {
  if (unwritten === undefined) return sets;
  return sets.slice(0, sets.indexOf(unwritten))
    .map((set) => (set.until ?? 0) < unwritten.from ? set : { ...set, until: null });
}

/** Which sets are trained on, by their places in the list. */
export function setsByUpdate(
  sets: readonly Pick<TrainingSet, "from" | "until">[],
): ByUpdate<readonly number[]> {
  const edges = new Set([0, ...sets.flatMap(({ from, until }) => [from, until ?? 0])]);
  return Object.fromEntries(Array.from(edges, (edge) => [
    edge,
    [...sets.keys()].filter((index) => {
      const { from, until } = sets[index]!;
      return from <= edge && edge < (until ?? Infinity);
    }),
  ]));
}
