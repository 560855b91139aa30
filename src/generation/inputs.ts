/** What to generate for, out of lines of text or JSON: one input a line, whatever is in the line. */
import { messageOf } from "../errors.ts";
import { isObject, type JsonObject } from "../host/json_value.ts";
import { stringsOf, valueAt, withoutField } from "../text/json_paths.ts";
import { parseJsonText } from "../json_text.ts";
import { dataError, onOneLine, otherEncoding } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";
import type { GenerationRequest } from "./constraints.ts";
import { demandsOf } from "./request_fields.ts";

/** What a line of input holds. */
export type InputFormat = "text" | "jsonl";

/** How lines are read. */
interface ReadOptions {
  readonly inputFormat: InputFormat;
  /** Told of a line whose text was damaged but could be used. */
  readonly onDamage: (line: number, flaw: string) => void;
  /** Told of a line that holds no input; its input is an empty one. */
  readonly onFailure: (line: number, flaw: string) => void;
}

/** How inputs are read. */
export interface InputOptions extends ReadOptions {
  /** Name, or names joined by dots, of the field of a JSON object that holds the source. */
  readonly field: string;
}

/** What a line asks for; the source is empty where it holds none. */
interface Input extends GenerationRequest {
  /** The object that a line of JSON holds; without fields for other lines. */
  readonly record: JsonObject;
}

/** An input, and where it is an empty one, why. */
interface Found<T> {
  readonly input: T;
  readonly flaw?: string;
}

/** What there is of an input in a line. */
interface InputForm<T> {
  /** In a line of text, which may be blank. */
  readonly ofText: (text: string) => Found<T>;
  /** In a JSON value, or where a line is none, in undefined. */
  readonly ofJson: (value: unknown) => Found<T>;
}

const NO_FIELDS: JsonObject = {};

/** The input in each line. */
export function readInputs(
  lines: AsyncIterable<Line>,
  options: InputOptions,
): AsyncGenerator<Input, void, undefined> {
  return readLinesAs(lines, {
    ofText: (text) => ({ input: { source: text, record: NO_FIELDS } }),
    ofJson: (value) => {
      const record = isObject(value) ? value : NO_FIELDS;
      const source = textAt(value, options.field);
      if (typeof source !== "string") return { input: { source: "", record }, ...source };
      const demands = demandsOf(record);
      return "flaw" in demands
        ? { input: { source: "", record }, ...demands }
        : { input: { source, ...demands, record } };
    },
  }, options);
}

/** The input in each line, of whatever form. */
export async function* readLinesAs<T>(
  lines: AsyncIterable<Line>,
  { ofText, ofJson }: InputForm<T>,
  { inputFormat, onDamage, onFailure }: ReadOptions,
): AsyncGenerator<T, void, undefined> {
  for await (const { number, text, invalid } of lines) {
    const encoding = otherEncoding({ number, text, invalid });
    if (encoding !== undefined) {
      if (number === 1) throw dataError("input", number, encoding);
      onFailure(number, encoding);
      yield ofText("").input;
      continue;
    }
    if (invalid) onDamage(number, "it is not valid UTF-8; damaged bytes were read as U+FFFD");
    const { flaw, input } = inputFormat === "text" || text.trim() === ""
      ? ofText(text)
      : ofJsonText(text, ofJson);
    if (flaw !== undefined) onFailure(number, flaw);
    yield input;
  }
}

function ofJsonText<T>(json: string, ofJson: InputForm<T>["ofJson"]): Found<T> {
  try {
    return ofJson(parseJsonText(json));
  } catch (error) {
    return { ...ofJson(undefined), flaw: `it is not valid JSON (${messageOf(error)})` };
  }
}

/** The text in a field of a JSON object; parts of a list are joined by spaces. */
export function textAt(value: unknown, field: string): string | { readonly flaw: string } {
  const found = valueAt(value, field);
  if (found === undefined) return { flaw: withoutField(value, field) };
  const strings = stringsOf(found);
  return strings?.map(onOneLine).join(" ") ??
    { flaw: `expected field "${field}" to be a string or a list of strings` };
}
