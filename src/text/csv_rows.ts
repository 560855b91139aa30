/** Reads the rows of a CSV file, whose quoted fields may run over several lines. */

import { pipeline, Readable } from "node:stream";
import { CsvError, type Info, parse } from "npm:csv-parse@7.0.3";
import { dataError, MAX_DATA_LINE_BYTES, type OpenFile, readDataLines } from "./data_lines.ts";
import type { TableSpec } from "./data_spec.ts";

/** A row of a table. */
export interface Row {
  /** Its fields in order, without quotes. */
  readonly fields: readonly string[];
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

/**
 * Rows in order; empty lines are no rows. A quote inside an unquoted field stands for itself.
 *
 * @throws {UserError} for a quote that is never closed, or text after a closing quote
 */
export async function* readCsvRows(
  { file, delimiter }: TableSpec,
  open: OpenFile,
): AsyncGenerator<Row, void, undefined> {
  /** Line after the last row that was parsed, though rows may still wait to be read. */
  let unparsed = 1;
  const parser = parse({
    delimiter,
    record_delimiter: "\n",
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: MAX_DATA_LINE_BYTES,
    info: true,
    on_record: (record, { lines }) => {
      unparsed = lines + 1;
      return record;
    },
  });
  const source = Readable.from(textOfLines(file, open));
  // A failure of the source destroys the parser with its error, which the loop below meets.
  pipeline(source, parser, () => {});
  let line = 1;
  try {
    for await (const row of parser) {
      const { record, info } = row as { record: string[]; info: Info };
      const empty = record.length === 1 && record[0] === "";
      if (!empty) yield { fields: record, line };
      line = info.lines + 1;
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw dataError(file, unparsed, `it is not valid CSV (${error.message})`);
    }
    throw error;
  }
}

async function* textOfLines(file: string, open: OpenFile): AsyncGenerator<string> {
  for await (const { text } of readDataLines(file, open)) yield `${text}\n`;
}
