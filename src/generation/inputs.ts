/** What to generate for, out of lines of text or JSON: one input a line, whatever is in the line. */
import { messageOf } from "../errors.ts";
import { stringsOf, valueAt } from "../text/json_paths.ts";
import { parseJsonText } from "../json_text.ts";
import { dataError, onOneLine, otherEncoding } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";

/** What a line of input holds. */
export type InputFormat = "text" | "jsonl";

/** How inputs are read. */
export interface InputOptions {
  readonly inputFormat: InputFormat;
  /** Name, or names joined by dots, of the field of a JSON object that holds the source. */
  readonly field: string;
  /** Told of a line whose text was damaged but could be used. */
  readonly onDamage: (line: number, flaw: string) => void;
  /** Told of a line that holds no source; its input is an empty line. */
  readonly onFailure: (line: number, flaw: string) => void;
}

/** The input in each line, empty where a line holds none. */
export async function* readInputs(
  lines: AsyncIterable<Line>,
  { inputFormat, field, onDamage, onFailure }: InputOptions,
): AsyncGenerator<string, void, undefined> {
  for await (const { number, text, invalid } of lines) {
    const encoding = otherEncoding({ number, text, invalid });
    if (encoding !== undefined) {
      if (number === 1) throw dataError("input", number, encoding);
      onFailure(number, encoding);
      yield "";
      continue;
    }
    if (invalid) onDamage(number, "it is not valid UTF-8; damaged bytes were read as U+FFFD");
    if (inputFormat === "text" || text.trim() === "") {
      yield text;
      continue;
    }
    const found = fieldOf(text, field);
    if ("flaw" in found) onFailure(number, found.flaw);
    yield "flaw" in found ? "" : found.source;
  }
}

/** The source in a JSON object; parts of a list are joined by spaces. */
function fieldOf(json: string, field: string): { source: string } | { flaw: string } {
  let record: unknown;
  try {
    record = parseJsonText(json);
  } catch (error) {
    return { flaw: `it is not valid JSON (${messageOf(error)})` };
  }
  const value = valueAt(record, field);
  if (value === undefined) return { flaw: `there is no field "${field}"` };
  const strings = stringsOf(value);
  if (strings === undefined) {
    return { flaw: `expected field "${field}" to be a string or a list of strings` };
  }
  return { source: strings.map(onOneLine).join(" ") };
}
