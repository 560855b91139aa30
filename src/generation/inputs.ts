/** What to generate for, out of lines of text or JSON: one input a line, whatever is in the line. */
import { messageOf } from "../errors.ts";
import { isObject, type JsonObject } from "../host/json_value.ts";
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

/** What a line asks for. */
interface Input {
  /** The source, empty where a line holds none. */
  readonly source: string;
  /** The object that a line of JSON holds; without fields for other lines. */
  readonly record: JsonObject;
}

const NO_FIELDS: JsonObject = {};

/** The input in each line. */
export async function* readInputs(
  lines: AsyncIterable<Line>,
  { inputFormat, field, onDamage, onFailure }: InputOptions,
): AsyncGenerator<Input, void, undefined> {
  for await (const { number, text, invalid } of lines) {
    const encoding = otherEncoding({ number, text, invalid });
    if (encoding !== undefined) {
      if (number === 1) throw dataError("input", number, encoding);
      onFailure(number, encoding);
      yield { source: "", record: NO_FIELDS };
      continue;
    }
    if (invalid) onDamage(number, "it is not valid UTF-8; damaged bytes were read as U+FFFD");
    if (inputFormat === "text" || text.trim() === "") {
      yield { source: text, record: NO_FIELDS };
      continue;
    }
    const found = inputOf(text, field);
    if ("flaw" in found) onFailure(number, found.flaw);
    yield found;
  }
}

/** The source in a JSON object; parts of a list are joined by spaces. */
function inputOf(json: string, field: string): Input | Input & { readonly flaw: string } {
  const none = (flaw: string, record = NO_FIELDS) => ({ source: "", record, flaw });
  let record: unknown;
  try {
    record = parseJsonText(json);
  } catch (error) {
    return none(`it is not valid JSON (${messageOf(error)})`);
  }
  const fields = isObject(record) ? record : NO_FIELDS;
  const value = valueAt(record, field);
  if (value === undefined) return none(`there is no field "${field}"`, fields);
  const strings = stringsOf(value);
  if (strings === undefined) {
    return none(`expected field "${field}" to be a string or a list of strings`, fields);
  }
  return { source: strings.map(onOneLine).join(" "), record: fields };
}
