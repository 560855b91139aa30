/** `[data.train]`: what is trained on, and when. */
import { ExitCode, UserError } from "../errors.ts";
import { integer } from "../host/json_fields.ts";
import { describe, isObject } from "../host/json_value.ts";
import { type DataSpec, parseDataSpec } from "../text/data_spec.ts";
import { beginnings, type ByUpdate, valueAt } from "./scheduled.ts";

/** A data set, and the updates that are made on it. */
export interface TrainingSet {
  readonly spec: DataSpec;
  /** The number of updates after which it is trained on. */
  readonly from: number;
  /** The number of updates after which it no longer is; null: to the end. */
  readonly until: number | null;
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
  if (empty === undefined) return sets;
  throw new UserError(
    ExitCode.model,
    `Cannot train on [data.train]: no set of it is there for update ${empty + 1}; expected one ` +
      "with from = 0, and no gap between until and the next from",
  );
}

function parseSet(table: unknown, where: string): TrainingSet {
  if (!isObject(table)) return { spec: parseDataSpec(table, where), from: 0, until: null };
  const { from = 0, until = null, ...rest } = table;
  const expect = (key: string, value: unknown, least: number) => {
    if (count.accepts(value) && value >= least) return value;
    throw new UserError(
      ExitCode.model,
      `Cannot use ${key} = ${describe(value)} in [${where}]: expected a number of updates, ` +
        `at least ${least}`,
    );
  };
  const begin = expect("from", from, 0);
  return {
    spec: parseDataSpec(rest, where),
    from: begin,
    until: until === null ? null : expect("until", until, begin + 1),
  };
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
