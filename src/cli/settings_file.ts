/**
 * The settings file: TOML, a section for each command and `[common]` for all.
 *
 *     [common]
 *     threads = 1
 *
 *     [generate]
 *     model = "models/commongen-small"
 *     steps = 5
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Environment } from "../host/environment.ts";
import { readToml } from "../host/toml.ts";
import { nearest } from "../nearest.ts";
import { leavesOf, pathOf } from "./command_tree.ts";
import { keyOf, settingsOf } from "./settings.ts";

type Table = Readonly<Record<string, unknown>>;

/** A file that was read. */
export interface SettingsFile {
  readonly path: string;
  /** The value that holds for a command, with its section. */
  find(command: CommandUnknownOpts, key: string): { section: string; value: unknown } | undefined;
}

/** The section whose keys hold for every command that knows them. */
const COMMON = "common";

/**
 * Reads the settings file.
 *
 * @param named its path where one was given; else the usual place, where none is needed
 * @throws {UserError} where it cannot be read, is not TOML or has a key that no command knows
 */
export function readSettingsFile(
  named: string | undefined,
  program: CommandUnknownOpts,
  environment: Environment,
): SettingsFile | undefined {
  const path = named ?? usualPath(environment);
  if (path === undefined) return undefined;
  const text = readText(path, named === undefined);
  return text === undefined ? undefined : parseSettings(text, path, program);
}

function usualPath(environment: Environment): string | undefined {
  const folder = environment.variable("XDG_CONFIG_HOME");
  if (folder !== undefined) return `${folder}/ardiff/config.toml`;
  const home = environment.variable("HOME");
  return home === undefined ? undefined : `${home}/.config/ardiff/config.toml`;
}

function readText(path: string, mayBeAbsent: boolean): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (mayBeAbsent && cause instanceof Deno.errors.NotFound) return undefined;
    if (mayBeAbsent && cause instanceof Deno.errors.NotADirectory) return undefined;
    throw new UserError(
      ExitCode.usage,
      `Cannot read settings "${path}": ${messageOf(cause).replace(/: \w+ '.*'$/, "")}`,
      { cause },
    );
  }
}

/** Reads the text of a settings file and checks its keys against a program's options. */
function parseSettings(text: string, path: string, program: CommandUnknownOpts): SettingsFile {
  const fail = (problem: string): never => {
    throw new UserError(ExitCode.usage, `Cannot read settings "${path}": ${problem}`);
  };
  const tables = readToml(text, fail, { integersAsBigInt: "asNeeded" });
  if (isTable(tables["data"])) {
    fail("it looks like a training configuration: give it to ardiff train without --config");
  }
  const sections = readSections(tables, program, fail);
  const known = new Map(leavesOf(program).map((command) => [sectionOf(command), command]));
  for (const [section, table] of sections) {
    const commands = section === COMMON ? [...known.values()] : [known.get(section)!];
    for (const key of Object.keys(table)) expectKey(key, section, commands, fail);
  }
  return {
    path,
    find(command, key) {
      const section = [sectionOf(command), COMMON].find((name) => {
        const table = sections.get(name);
        return table !== undefined && Object.hasOwn(table, key);
      });
      return section === undefined ? undefined : { section, value: sections.get(section)![key] };
    },
  };
}

/** The tables by their names as they stand in brackets. */
function readSections(
  tables: Table,
  program: CommandUnknownOpts,
  fail: (problem: string) => never,
): Map<string, Table> {
  const groups = program.commands.filter(({ commands }) => commands.length > 0)
    .map((command) => command.name());
  const names = [COMMON, ...leavesOf(program).map(sectionOf)];
  const sections = new Map<string, Table>();
  const collect = (table: Table, prefix: string) => {
    for (const [key, value] of Object.entries(table)) {
      const name = `${prefix}${key}`;
      if (groups.includes(name) && isTable(value)) collect(value, `${name}.`);
      else if (!names.includes(name)) fail(unknownSection(name, isTable(value), names));
      else if (isTable(value)) sections.set(name, value);
      else fail(`"${name}" is no section: expected [${name}]`);
    }
  };
  collect(tables, "");
  return sections;
}

function unknownSection(name: string, isSection: boolean, names: readonly string[]): string {
  const near = nearest(name, names);
  const suggestion = near === undefined
    ? `expected ${names.map((known) => `[${known}]`).join(", ")}`
    : `did you mean [${near}]?`;
  return isSection
    ? `unknown section [${name}]: ${suggestion}`
    : `key "${name}" stands in no section: ${suggestion}`;
}

function expectKey(
  key: string,
  section: string,
  commands: readonly CommandUnknownOpts[],
  fail: (problem: string) => never,
): void {
  const keys = new Set(
    commands.flatMap((command) =>
      settingsOf(command).filter(({ inFile }) => inFile).map((setting) => setting.key)
    ),
  );
  if (keys.has(key)) return;
  if (commands.some(({ options }) => options.some((option) => keyOf(option) === key))) {
    fail(`"${section}.${key}" cannot be set in a file: give it with the command`);
  }
  const near = nearest(key, [...keys]);
  fail(
    `unknown key "${section}.${key}": ` +
      (near === undefined
        ? `expected one of ${[...keys].join(", ")}`
        : `did you mean "${section}.${near}"?`),
  );
}

function sectionOf(command: CommandUnknownOpts): string {
  return pathOf(command).replaceAll(" ", ".");
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}
