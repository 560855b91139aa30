/**
 * Checks parsed JSON against a table of fields: every key known, none missing, every value of its
 * type and range. The first mismatch becomes one sentence that names the key and its value.
 */
import { nearest } from "../nearest.ts";
import type { Fail } from "./fail.ts";
import { describe, isObject } from "./json_value.ts";

/** What a value must be. */
export interface FieldType<T> {
  /** Completes "expected ...". */
  readonly expected: string;
  /** Whether a parsed JSON value is one. */
  accepts(value: unknown): value is T;
  /** What it is where the key is absent; without this the key is required. */
  readonly absent?: T;
}

/** The type of every key of an object. */
export type Fields<T> = { readonly [K in keyof T]-?: FieldType<T[K]> };

/** A whole number within limits, both included. */
export function integer(minimum: number, maximum: number): FieldType<number> {
  return {
    expected: `an integer from ${minimum} to ${maximum}`,
    accepts: (value): value is number =>
      Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
  };
}

/** A finite number within limits, both included. */
export function number(minimum: number, maximum: number): FieldType<number> {
  return {
    expected: `a number from ${minimum} to ${maximum}`,
    accepts: (value): value is number =>
      typeof value === "number" && value >= minimum && value <= maximum,
  };
}

/** `true` or `false`. */
export const boolean: FieldType<boolean> = {
  expected: "true or false",
  accepts: (value): value is boolean => typeof value === "boolean",
};

/** Any text. */
export const text: FieldType<string> = {
  expected: "a string",
  accepts: (value): value is string => typeof value === "string",
};

/** One of a few names. */
export function oneOf<T extends string>(names: readonly T[]): FieldType<T> {
  return {
    expected: names.map((name) => JSON.stringify(name)).join(" or "),
    accepts: (value): value is T => names.some((name) => name === value),
  };
}

/** Null, or a value of another type. */
export function nullable<T>(type: FieldType<T>): FieldType<T | null> {
  return {
    expected: `${type.expected} or null`,
    accepts: (value): value is T | null => value === null || type.accepts(value),
  };
}

/** A value of another type, in a key that files had not always: where it is absent, it is given. */
export function since<T>(type: FieldType<T>, absent: NoInfer<T>): FieldType<T> {
  return { ...type, absent };
}

/** A list of values of one type, with at least one. */
export function listOf<T>(type: FieldType<T>): FieldType<readonly T[]> {
  return {
    expected: `a list, each ${type.expected}`,
    accepts: (value): value is readonly T[] =>
      Array.isArray(value) && value.length > 0 && value.every((entry) => type.accepts(entry)),
  };
}

/**
 * Reads an object whose keys are exactly those of a table.
 *
 * @param path the object's place in the file, "" at the top
 */
export function readFields<T>(value: unknown, fields: Fields<T>, path: string, fail: Fail): T {
  if (!isObject(value)) return fail(`${path || "it"} is ${describe(value)}, expected an object`);
  const names = Object.keys(fields);
  for (const name of Object.keys(value)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    fail(`unknown key "${join(path, name)}"${near ? `: did you mean "${join(path, near)}"?` : ""}`);
  }
  return readKnownFields(value, fields, path, fail);
}

/** Reads the keys of a table from an object that may have others. */
export function readKnownFields<T>(
  value: Readonly<Record<string, unknown>>,
  fields: Fields<T>,
  path: string,
  fail: Fail,
): T {
  const names = Object.keys(fields) as (keyof T & string)[];
  const entries = names.map((name) => {
    const field = fields[name];
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    const key = join(path, name);
    if (found === undefined && "absent" in field) return [name, field.absent];
    if (found === undefined) return fail(`missing key "${key}": expected ${field.expected}`);
    if (!field.accepts(found)) fail(`"${key}" is ${describe(found)}, expected ${field.expected}`);
    return [name, found];
  });
  return Object.fromEntries(entries) as T;
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}
