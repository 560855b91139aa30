/** Declares the options of generation, from their table, for the commands that have them. */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import {
  GENERATION_OPTIONS,
  type GenerationOption,
  type GenerationValues,
  LOAD_OPTIONS,
  type ValuesOf,
} from "../generation/options.ts";
import { withFacts } from "./option_facts.ts";
import { parserOf } from "./values.ts";

/**
 * An option of the table as commander takes it.
 *
 * @param text what it does, where a command says it in other words
 */
export function optionOf<T>(row: GenerationOption<T>, text = row.text): Option {
  const { flags, type, default: standard, source } = row;
  const option = new Option(flags, text);
  // Commander takes every --no-x for the contrary of --x.
  if (option.required) option.negate = false;
  if (type.choices !== undefined) option.choices(type.choices);
  else if (option.required) option.argParser(parserOf(type));
  // Help writes defaults as JSON, which knows no integers of 64 bits.
  if (!option.negate) {
    option.default(standard, ...typeof standard === "bigint" ? [`${standard}`] : []);
  }
  return withFacts(option, { source, ...(type.words && { words: type.words }) });
}

/** A row of any type. */
type AnyOption = GenerationOption<unknown>;

/**
 * Adds how candidates are made and chosen among. Types are not inferred through a command that is a
 * parameter (the compiler would take minutes): {@linkcode generationValues} states them.
 *
 * @param change a row as the command has it, undefined where it has not
 */
export function addGenerationOptions(
  command: CommandUnknownOpts,
  change: (row: AnyOption) => AnyOption | undefined = (row) => row,
): void {
  const rows: AnyOption[] = [...Object.values(GENERATION_OPTIONS), ...Object.values(LOAD_OPTIONS)];
  for (const row of rows.flatMap((row) => change(row) ?? [])) command.addOption(optionOf(row));
}

/** The values of those options once the command line is parsed. */
export function generationValues(
  command: CommandUnknownOpts,
): GenerationValues & ValuesOf<typeof LOAD_OPTIONS> {
  return command.opts() as unknown as GenerationValues & ValuesOf<typeof LOAD_OPTIONS>;
}
