/** Parsers of option values; each error gives the value and what was expected. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import type { Device } from "../native/model.ts";
import { nearest } from "../nearest.ts";

/** A whole number within limits. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text) || value < minimum || value > maximum) {
      const most = maximum === Number.MAX_SAFE_INTEGER ? "or more" : `to ${maximum}`;
      throw new InvalidArgumentError(`Expected a whole number, ${minimum} ${most}.`);
    }
    return value;
  };
}

/** A number within limits. */
export function number(minimum: number, maximum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= minimum && value <= maximum)) {
      throw new InvalidArgumentError(`Expected a number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
}

/** A seed of 64 bits. */
export function seed(text: string): bigint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError("Expected a whole number from 0 to 2^64 - 1.");
  }
  return BigInt(text);
}

/** `auto`, or a device that was named. */
export type DeviceChoice = "auto" | Device;

/** A device: auto, cpu, cuda, cuda:1. */
export function device(text: string): DeviceChoice {
  if (text === "auto") return text;
  if (text === "cpu") return { kind: "cpu", index: 0 };
  const match = /^cuda(?::(\d+))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected auto, cpu, cuda or cuda:INDEX.");
  return { kind: "cuda", index: Number(match[1] ?? 0) };
}

/** Names from a list, separated by commas. */
export function listOf<T extends string>(names: readonly T[]) {
  return (text: string): T[] =>
    text.split(",").map((part) => {
      const name = names.find((known) => known === part.trim());
      if (name === undefined) {
        throw new InvalidArgumentError(
          `Expected some of ${names.join(", ")}, separated by commas.${didYouMean(part, names)}`,
        );
      }
      return name;
    });
}

/** Makes a command's options and arguments that take one of a few names suggest one. */
export function suggestChoices(command: CommandUnknownOpts): void {
  for (const place of [...command.options, ...command.registeredArguments]) {
    const { argChoices: choices } = place;
    if (choices === undefined) continue;
    place.argParser((text: string) => {
      if (choices.includes(text)) return text;
      throw new InvalidArgumentError(
        `Allowed choices are ${choices.join(", ")}.${didYouMean(text, choices)}`,
      );
    });
  }
}

function didYouMean(text: string, names: readonly string[]): string {
  const near = nearest(text, names);
  return near === undefined ? "" : ` Did you mean ${near}?`;
}

/** Options that were given: an absent key, not one that is undefined. */
export function withoutUndefined<T extends object>(
  options: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
