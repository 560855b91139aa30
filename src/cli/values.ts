/** Parsers of option values; each error gives the value and what was expected. */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import type { Shard } from "../generation/shard.ts";
import { numberFrom, type ValueType, wholeNumber } from "../generation/value_types.ts";
import { nearest } from "../nearest.ts";
import { factsOf } from "./option_facts.ts";

/** Reads values of a type. */
export function parserOf<T>({ parse, expected }: ValueType<T>): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

/** A whole number within limits. */
export function integer(minimum: number, maximum?: number): (text: string) => number {
  return parserOf(wholeNumber(minimum, maximum));
}

/** A number within limits. */
export function number(minimum: number, maximum: number): (text: string) => number {
  return parserOf(numberFrom(minimum, maximum));
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
      const way = place instanceof Option ? factsOf(place).ways?.[text] : undefined;
      throw new InvalidArgumentError(
        way ?? `Allowed choices are ${choices.join(", ")}.${didYouMean(text, choices)}`,
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

/** A shard: `2/8` is the second of eight. */
export function shard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!(index >= 1 && index <= count && Number.isSafeInteger(count))) {
    throw new InvalidArgumentError("Expected i/n with i from 1 to n, as in 2/8.");
  }
  return { index, count };
}

/** Two names, separated by a comma: where the two sides of a pair lie. */
export function columns(text: string): readonly [source: string, target: string] {
  const [source = "", target = "", ...rest] = text.split(",").map((name) => name.trim());
  if (source !== "" && target !== "" && rest.length === 0) return [source, target];
  throw new InvalidArgumentError("Expected two names or numbers, as in mr,ref or 1,3.");
}
