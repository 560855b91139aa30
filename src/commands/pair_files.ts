/** From the files that a command line names to a data set of pairs. */
import { ExitCode, UserError } from "../errors.ts";
import type { DataTable } from "../training/config.ts";

/** Where the two sides lie in a table or in JSON lines: names, or numbers from 1. */
export type Columns = readonly [source: string, target: string];

/**
 * The data set: two aligned text files, or one table or file of JSON lines.
 *
 * @param option that names them, for messages
 * @param columns undefined: the first two columns, or the fields "source" and "target"
 * @throws {UserError} where the paths are neither
 */
export function pairTable(
  paths: readonly string[],
  option: string,
  columns?: Columns,
): DataTable {
  const [first = "", second] = paths;
  if (second !== undefined && paths.length === 2) {
    return { format: "text", source_file: first, target_file: second };
  }
  if (paths.length === 1 && first.endsWith(".jsonl")) {
    const fields = columns && { source: columns[0], target: columns[1] };
    return { format: "jsonl", file: first, ...fields };
  }
  const format = (["tsv", "csv"] as const).find((name) => first.endsWith(`.${name}`));
  if (paths.length === 1 && format !== undefined) {
    const place = (name: string) => /^[1-9]\d*$/.test(name) ? Number(name) : name;
    const places = columns && { source: place(columns[0]), target: place(columns[1]) };
    return { format, file: first, ...places };
  }
  throw new UserError(
    ExitCode.usage,
    `Cannot find pairs in ${
      paths.length === 0 ? "no file" : paths.map((path) => `"${path}"`).join(" and ")
    }: expected of ${option} two aligned files, or one whose name ends in .tsv, .csv or .jsonl`,
  );
}
