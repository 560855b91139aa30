/** How messages show values of a tokenizer file. */
import { isObject } from "../host/json_value.ts";

/** A value as a message shows it: shortened, with its kind where the value says little. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  return typeof value === "string" ? quote(value) : String(value);
}

/** A string of any length and content in quotes, on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
