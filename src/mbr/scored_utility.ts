/**
 * Utilities that something else has computed, such as a learned metric: a table of K x K scores for
 * each input's candidates, in whose row i candidate i is judged by each candidate in the place of the
 * truth.
 */
import { messageOf } from "../errors.ts";
import { isObject } from "../host/json_value.ts";
import { parseJsonText } from "../json_text.ts";
import { dataError } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";
import type { Utility } from "./utilities/utility.ts";

/** A table of scores, `[candidates][candidates]`. */
type ScoreTable = readonly (readonly number[])[];

/**
 * Reads a table: JSON `[[...], ...]`, or an object that has it as `scores`.
 *
 * @param size the number of candidates
 * @param name names what it comes from in errors
 * @throws {UserError} for anything but `size` rows of `size` finite numbers
 */
export function parseScoreTable(line: Line, size: number, name: string): ScoreTable {
  const fail = (flaw: string) => dataError(name, line.number, flaw);
  let value: unknown;
  try {
    value = parseJsonText(line.text);
  } catch (error) {
    throw fail(`it is not valid JSON (${messageOf(error)})`);
  }
  const table = isObject(value) ? value["scores"] : value;
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.length === size && row.every(Number.isFinite);
  if (Array.isArray(table) && table.length === size && table.every(isRow)) return table;
  throw fail(
    `expected a list of ${size} lists of ${size} numbers, a row for each candidate of the input`,
  );
}

/**
 * The utility of a table for the candidates that it was made for. A table need not be symmetric, its
 * numbers may be of any range, and no candidate is too short to be chosen.
 */
export function tableUtility(candidates: readonly string[], table: ScoreTable): Utility {
  const placeOf = new Map<string, number>();
  candidates.forEach((text, i) => {
    if (!placeOf.has(text)) placeOf.set(text, i);
  });
  return {
    judgesLength: true,
    compile(texts) {
      const places = texts.map((text) => placeOf.get(text)!);
      const utility = (u: number, v: number) => table[places[u]!]![places[v]!]!;
      return {
        size: texts.length,
        compare(u, others, asReference, asHypothesis) {
          others.forEach((v, i) => {
            asReference[i] = utility(u, v);
            asHypothesis[i] = utility(v, u);
          });
        },
        self: (u) => utility(u, u),
      };
    },
  };
}
