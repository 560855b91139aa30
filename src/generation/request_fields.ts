/** What a JSON line asks of its text, in fields beside its source. */
import type { JsonObject } from "../host/json_value.ts";
import { onOneLine } from "../text/data_lines.ts";
import { hasAdjacentHoles, HOLE, parseTemplate } from "../text/holes.ts";
import { stringsOf } from "../text/json_paths.ts";
import type { GenerationRequest } from "./constraints.ts";

/** What a field says, or what is wrong with it. */
type Read<T> = { readonly value: T } | { readonly expected: string };

/** What a line asks of its text besides its source. */
export type Demands = Omit<GenerationRequest, "source">;

/** The fields, by the name of what they ask for. */
const FIELDS: {
  readonly [Name in keyof Demands]-?: {
    readonly field: string;
    readonly read: (value: unknown) => Read<NonNullable<Demands[Name]>>;
  };
} = {
  prefix: { field: "prefix", read: readText },
  template: { field: "template", read: readTemplate },
  words: { field: "words", read: readPhrases },
  avoid: { field: "avoid", read: readPhrases },
  minLength: { field: "min_length", read: readLength },
  maxLength: { field: "max_length", read: readLength },
};

/** What a line asks for; a field that is null asks for nothing. */
export function demandsOf(record: JsonObject): Demands | { readonly flaw: string } {
  const demands: [string, unknown][] = [];
  for (const [name, { field, read }] of Object.entries(FIELDS)) {
    const value = Object.hasOwn(record, field) ? record[field] : undefined;
    if (value === undefined || value === null) continue;
    const found: Read<unknown> = read(value);
    if ("expected" in found) return { flaw: `expected field "${field}" to be ${found.expected}` };
    demands.push([name, found.value]);
  }
  return Object.fromEntries(demands);
}

function readText(value: unknown): Read<string> {
  return typeof value === "string" ? { value: onOneLine(value) } : { expected: "a string" };
}

function readTemplate(value: unknown): Read<string> {
  const text = typeof value === "string" ? onOneLine(value) : "";
  const template = parseTemplate(text);
  return template === undefined || hasAdjacentHoles(template)
    ? { expected: `a text with gaps ${HOLE} and words between them` }
    : { value: text };
}

function readPhrases(value: unknown): Read<readonly string[]> {
  const phrases = stringsOf(value)?.map((phrase) => onOneLine(phrase).trim());
  return phrases === undefined || phrases.includes("")
    ? { expected: "a word or a list of words" }
    : { value: phrases };
}

function readLength(value: unknown): Read<number> {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? { value: value as number }
    : { expected: "a whole number, 0 or more" };
}
