/** Takes fields out of JSON lines. */
import { isObject } from "../host/json_value.ts";

/**
 * The value at `path` in a JSON value, undefined where there is none. A path is a field's name, or
 * names joined by dots; a field whose own name has dots in it comes first.
 */
export function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const [name, rest] = [path.slice(0, dot), path.slice(dot + 1)];
    if (!Object.hasOwn(value, name)) continue;
    const found = valueAt((value as Record<string, unknown>)[name], rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The strings of a field that holds one or a list of them; undefined for anything else. */
export function stringsOf(value: unknown): string[] | undefined {
  const list: unknown = typeof value === "string" ? [value] : value;
  return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : undefined;
}

/** How many of the fields that are there a message names. */
const NAMED = 8;

/** What is wrong with a value that has no field at `path`: what it has instead. */
export function withoutField(value: unknown, path: string): string {
  const names = isObject(value) ? Object.keys(value) : [];
  if (names.length === 0) return `there is no field "${path}"`;
  const more = names.length > NAMED ? `, and ${names.length - NAMED} more` : "";
  const named = names.slice(0, NAMED).map((name) => `"${name}"`).join(", ");
  return `there is no field "${path}"; what is there: ${named}${more}`;
}
