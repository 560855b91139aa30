/** What values options may have, and how they are written. Loaded for help, so it loads nothing. */
import type { Device, Dtype } from "../native/model.ts";

/** What a value must be. */
export interface ValueType<T> {
  /** Completes "Expected ...". */
  readonly expected: string;
  /** The value that a text stands for; undefined where it stands for none. */
  readonly parse: (text: string) => T | undefined;
  /** All values there are, where they are few names. */
  readonly choices?: readonly string[];
  /** Names among others, for completion. */
  readonly words?: readonly string[];
}

/** A whole number within limits. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const most = maximum === Number.MAX_SAFE_INTEGER ? "or more" : `to ${maximum}`;
  return {
    expected: `a whole number, ${minimum} ${most}`,
    parse: (text) => {
      const value = Number(text);
      return /^[+-]?\d+$/.test(text) && value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

/** A number within limits. */
export function numberFrom(minimum: number, maximum: number): ValueType<number> {
  return {
    expected: `a number from ${minimum} to ${maximum}`,
    parse: (text) => {
      const value = Number(text);
      return text.trim() !== "" && value >= minimum && value <= maximum ? value : undefined;
    },
  };
}

/** One of a few names. */
export function nameOf<const T extends string>(names: readonly T[]): ValueType<T> {
  return {
    expected: `one of ${names.join(", ")}`,
    parse: (text) => names.find((name) => name === text),
    choices: names,
  };
}

/** A value of another type, or one of a few names in its place. */
export function orName<T, const N extends string>(
  type: ValueType<T>,
  names: readonly N[],
): ValueType<T | N> {
  return {
    expected: `${type.expected}${names.length > 1 ? "," : " or"} ${names.join(" or ")}`,
    parse: (text) => names.find((name) => name === text) ?? type.parse(text),
    words: names,
  };
}

/** A value of another type, or none. */
export function optional<T>(type: ValueType<T>): ValueType<T | undefined> {
  return type;
}

/** Any text. */
export const anyText: ValueType<string> = { expected: "a text", parse: (text) => text };

/** A text with gaps, of three low lines or more. */
export const textWithGaps: ValueType<string> = {
  expected: "a text with a gap ___",
  parse: (text) => /_{3,}/.test(text) ? text : undefined,
};

/** Words or phrases with commas between them, at least one. */
export const phrases: ValueType<readonly string[]> = {
  expected: "words with commas between them",
  parse: (text) => {
    const list = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
    return list.length > 0 ? list : undefined;
  },
};

/** Yes or no: given without a value. */
export const flag: ValueType<boolean> = {
  expected: "true or false",
  parse: (text) => text === "true" ? true : text === "false" ? false : undefined,
};

/** A seed of 64 bits. */
export const seed: ValueType<bigint> = {
  expected: "a whole number from 0 to 2^64 - 1",
  parse: (text) => /^\d+$/.test(text) && BigInt(text) < 2n ** 64n ? BigInt(text) : undefined,
};

/** `auto`, or a device that was named. */
export type DeviceChoice = "auto" | Device;

/** A device: auto, cpu, cuda, cuda:1. */
export const device: ValueType<DeviceChoice> = {
  expected: "auto, cpu, cuda or cuda:INDEX",
  parse: (text) => {
    if (text === "auto") return text;
    if (text === "cpu") return { kind: "cpu", index: 0 };
    const match = /^cuda(?::(\d+))?$/.exec(text);
    return match === null ? undefined : { kind: "cuda", index: Number(match[1] ?? 0) };
  },
  words: ["auto", "cpu", "cuda"],
};

/** Arithmetic of the network. */
export const dtype: ValueType<Dtype> = nameOf(["f32", "bf16"]);
