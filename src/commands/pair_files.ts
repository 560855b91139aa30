/** From the files that a command line names to a data set of pairs. */
import { ExitCode, UserError } from "../errors.ts";
import type { DataTable } from "../training/config.ts";

/**
 * The data set: two aligned text files, or one table or file of JSON lines.
 *
 * @param option that names them, for messages
 * @throws {UserError} where the paths are neither
 */
export function pairTable(paths: readonly string[], option: string): DataTable {
  const [first = "", second] = paths;
  if (second !== undefined && paths.length === 2) {
    return { format: "text", source_file: first, target_file: second };
  }
  const format = (["tsv", "csv", "jsonl"] as const).find((name) => first.endsWith(`.${name}`));
  if (paths.length === 1 && format !== undefined) return { format, file: first };
  throw new UserError(
    ExitCode.usage,
    `Cannot find pairs in ${
      paths.length === 0 ? "no file" : paths.map((path) => `"${path}"`).join(" and ")
    }: expected of ${option} two aligned files, or one whose name ends in .tsv, .csv or .jsonl`,
  );
}
