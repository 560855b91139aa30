/** Reads tables: TSV and CSV. */

import type { Row } from "./csv_rows.ts";
import { dataError, onOneLine, type OpenFile, readDataLines } from "./data_lines.ts";
import type { Example, TableSpec } from "./data_spec.ts";

/**
 * One example a row; empty lines are no rows.
 *
 * @throws {UserError} for a column that the header or a row does not have, and for a row of CSV with
 * another number of cells than the first
 */
export async function* readTable(
  spec: TableSpec,
  open: OpenFile,
): AsyncGenerator<Example, void, undefined> {
  let columns = spec.header ? undefined : columnPlaces(spec, undefined);
  let width: number | undefined;
  for await (const { fields, line } of await readRows(spec, open)) {
    width ??= fields.length;
    // Tabs are no text, but a comma is: a sentence cut at one would lose its end unnoticed.
    if (spec.format === "csv" && fields.length !== width) {
      throw dataError(
        spec.file,
        line,
        `expected ${width} cells as in the first row, found ${fields.length}; a cell that has ` +
          `"${spec.delimiter}" in it must be in quotes`,
      );
    }
    if (columns === undefined) {
      columns = columnPlaces(spec, fields);
      continue;
    }
    const needed = Math.max(columns.source, columns.target) + 1;
    if (fields.length < needed) {
      throw dataError(
        spec.file,
        line,
        `expected at least ${needed} columns, found ${fields.length}`,
      );
    }
    const [source, target] = [fields[columns.source]!, fields[columns.target]!];
    yield { source: onOneLine(source), references: [onOneLine(target)], line };
  }
}

/** Places of the two columns in a row, from 0. */
function columnPlaces(spec: TableSpec, header: readonly string[] | undefined) {
  const place = (column: number | string) => {
    if (typeof column === "number") return column - 1;
    const found = header?.indexOf(column) ?? -1;
    if (found >= 0) return found;
    throw dataError(
      spec.file,
      undefined,
      `its header has no column "${column}", only ${header?.join(", ")}`,
    );
  };
  return { source: place(spec.source), target: place(spec.target) };
}

async function readRows(spec: TableSpec, open: OpenFile): Promise<AsyncIterable<Row>> {
  if (spec.format === "tsv") return readTsvRows(spec, open);
  // The CSV parser brings Node's streams with it: loaded only for those who have CSV.
  const { readCsvRows } = await import("./csv_rows.ts");
  return readCsvRows(spec, open);
}

async function* readTsvRows({ file, delimiter }: TableSpec, open: OpenFile): AsyncGenerator<Row> {
  for await (const { text, number } of readDataLines(file, open)) {
    if (text !== "") yield { fields: text.split(delimiter), line: number };
  }
}
