/** Reads examples from JSON lines. */

import { messageOf } from "../errors.ts";
import { parseJsonText } from "../json_text.ts";
import { dataError, onOneLine, type OpenFile, readDataLines } from "./data_lines.ts";
import type { Example, JsonLinesSpec } from "./data_spec.ts";
import { stringsOf, valueAt, withoutField } from "./json_paths.ts";

/**
 * One example a line; empty lines are none.
 *
 * @throws {UserError} for a line that is not JSON, and a field that is missing or neither a string
 * nor a list of strings
 */
export async function* readJsonLines(
  spec: JsonLinesSpec,
  open: OpenFile,
): AsyncGenerator<Example, void, undefined> {
  for await (const { text, number } of readDataLines(spec.file, open)) {
    if (text.trim() === "") continue;
    const record = parseRecord(text, spec.file, number);
    const field = (path: string) => {
      const value = valueAt(record, path);
      const strings = stringsOf(value);
      if (strings !== undefined && strings.length > 0) return strings.map(onOneLine);
      const flaw = value === undefined
        ? withoutField(record, path)
        : `expected field "${path}" to be a string or a list of strings`;
      throw dataError(spec.file, number, flaw);
    };
    yield { source: field(spec.source).join(" "), references: field(spec.target), line: number };
  }
}

function parseRecord(text: string, file: string, line: number): unknown {
  try {
    return parseJsonText(text);
  } catch (error) {
    throw dataError(file, line, `it is not valid JSON (${messageOf(error)})`);
  }
}
