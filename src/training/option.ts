/** What an option of a training configuration is, and the ways to declare one. */
import type { FieldType } from "../host/json_fields.ts";
import { type Scheduled, scheduledType } from "./scheduled.ts";

/** One option. */
export interface Option<T> {
  /** What it may be. */
  readonly type: FieldType<T>;
  /** What it is where it is left out. */
  readonly default: T;
  /** Who the default comes from. */
  readonly source: string;
  /** What the option does, one or two sentences. */
  readonly text: string;
  /** Whether a run may be resumed with another value. */
  readonly mayChange: boolean;
}

/** An option that may have several values, one after another: a table by update. */
export interface ScheduledOption<T> extends Option<Scheduled<T>> {
  /** What it may be at an update. */
  readonly atUpdate: FieldType<T>;
}

/** The type of an option's value. */
export type OptionValue<O> = O extends Option<infer T> ? T : never;

/** The type of an option's value at an update. */
export type OptionValueAt<O> = O extends ScheduledOption<infer T> ? T : OptionValue<O>;

/** An option on which the weights depend. */
export function fixed<T>(
  type: FieldType<T>,
  standard: T,
  source: string,
  text: string,
): Option<T> {
  return { type, default: standard, source, text, mayChange: false };
}

/** An option on which the weights depend, and which may be a table by update. */
export function scheduled<T>(
  type: FieldType<T>,
  standard: T,
  source: string,
  text: string,
): ScheduledOption<T> {
  return {
    type: scheduledType(type),
    atUpdate: type,
    default: standard,
    source,
    text,
    mayChange: false,
  };
}

/** An option that may change between two parts of a run. */
export function free<T>(
  type: FieldType<T>,
  standard: T,
  source: string,
  text: string,
): Option<T> {
  return { type, default: standard, source, text, mayChange: true };
}
