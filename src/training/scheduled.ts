/**
 * A value that may change in the course of a run: one value, or a table of values by the number of
 * updates after which each begins, as in `{ "0" = 0, "2000" = 0.3 }`. An entry holds until the next
 * one begins; nothing is interpolated.
 */
import type { FieldType } from "../host/json_fields.ts";
import { isObject } from "../host/json_value.ts";

/** Values by the number of updates after which they begin; "0" is among the keys. */
export interface ByUpdate<T> {
  /** A key is a whole number, as in "2000". */
  readonly [updates: string]: T;
}

/** One value, or several one after another. */
export type Scheduled<T> = T | ByUpdate<T>;

const WHOLE_NUMBER = /^(0|[1-9]\d{0,14})$/;

/** The type of a value that may be scheduled. */
export function scheduledType<T>(type: FieldType<T>): FieldType<Scheduled<T>> {
  return {
    expected: `${type.expected}; or a table by update`,
    accepts: (value): value is Scheduled<T> =>
      type.accepts(value) ||
      (isObject(value) && Object.hasOwn(value, "0") &&
        Object.entries(value).every(([key, entry]) =>
          WHOLE_NUMBER.test(key) && type.accepts(entry)
        )),
  };
}

/** The numbers of updates after which a value begins, the first 0, ascending. */
export function beginnings(value: unknown): number[] {
  return isObject(value) ? Object.keys(value).map(Number).sort((a, b) => a - b) : [0];
}

/**
 * The value at an update.
 *
 * @param update from 1: an entry of "2000" begins with update 2001, after 2000 updates
 */
export function valueAt<T>(value: Scheduled<T>, update: number): T {
  if (!isObject(value)) return value as T;
  const begun = beginnings(value).findLast((updates) => updates < update) ?? 0;
  return (value as ByUpdate<T>)[begun]!;
}

/**
 * The first update, from 1, at which two values differ, either of which may be scheduled; undefined
 * where none does.
 */
export function firstDifference(left: unknown, right: unknown): number | undefined {
  const changes = [...beginnings(left), ...beginnings(right)].sort((a, b) => a - b);
  const begun = changes.find((updates) =>
    JSON.stringify(valueAt(left, updates + 1)) !== JSON.stringify(valueAt(right, updates + 1))
  );
  return begun === undefined ? undefined : begun + 1;
}
