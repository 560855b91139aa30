/**
 * What a data set is made of, and where it lies and how to read it: a `[data.*]` table of a
 * configuration file.
 */

import { ExitCode, UserError } from "../errors.ts";
import type { SourcePart } from "./held_out.ts";

/** A source and one text that is right for it. */
export interface Pair {
  /** What the model reads. */
  readonly source: string;
  /** What it is to write. */
  readonly target: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

/** A source and all texts that are right for it, at least one. */
export interface Example {
  /** What the model reads. */
  readonly source: string;
  /** What it may write. */
  readonly references: readonly string[];
  /** Line of the file on which it first begins, from 1. */
  readonly line: number;
}

/** Two aligned files: line n of one belongs to line n of the other. */
export interface TextSpec {
  /** Plain text, a line for each side of a pair. */
  readonly format: "text";
  /** Path of the file of sources. */
  readonly sourceFile: string;
  /** Path of the file of targets. */
  readonly targetFile: string;
  /** Equal sources become one example with the references of all (`readReferences`). */
  readonly groupSources: boolean;
  /** The examples that are meant, by their source; absent: all. */
  readonly part?: SourcePart;
}

/** A table with one pair a row. */
export interface TableSpec {
  /** CSV fields may be quoted and hold line breaks; TSV fields are taken as they are. */
  readonly format: "tsv" | "csv";
  /** Path of the file. */
  readonly file: string;
  /** A column's number from 1, or its name in the header. */
  readonly source: number | string;
  /** The same for the target. */
  readonly target: number | string;
  /** The first row names the columns. */
  readonly header: boolean;
  /** The one character between fields. */
  readonly delimiter: string;
  /** Equal sources become one example with the references of all (`readReferences`). */
  readonly groupSources: boolean;
  /** The examples that are meant, by their source; absent: all. */
  readonly part?: SourcePart;
}

/** One JSON object a line. */
export interface JsonLinesSpec {
  /** JSON lines. */
  readonly format: "jsonl";
  /** Path of the file. */
  readonly file: string;
  /** Name of a field, or a path of names joined by dots. A list of sentences is one source. */
  readonly source: string;
  /** The same for the target; a list is a list of references. */
  readonly target: string;
  /** Equal sources become one example with the references of all (`readReferences`). */
  readonly groupSources: boolean;
  /** The examples that are meant, by their source; absent: all. */
  readonly part?: SourcePart;
}

/** A data set of pairs. */
export type DataSpec = TextSpec | TableSpec | JsonLinesSpec;

const COMMON_KEYS = ["format", "group_sources"];
const FORMATS: Readonly<Record<DataSpec["format"], readonly string[]>> = {
  text: ["source_file", "target_file"],
  tsv: ["file", "source", "target", "header", "delimiter"],
  csv: ["file", "source", "target", "header", "delimiter"],
  jsonl: ["file", "source", "target"],
};

/**
 * Checks a table of a configuration file and fills in what it leaves out: the first two columns of a
 * table, the fields "source" and "target" of JSON lines, a header where columns go by name, tab or
 * comma as delimiter.
 *
 * @param table keys `format`, `file` (or `source_file` and `target_file`), `source`, `target`,
 * `header`, `delimiter`, `group_sources`
 * @param where the table's name, for messages
 * @throws {UserError} for an unknown, missing or mistyped key
 */
export function parseDataSpec(table: unknown, where: string): DataSpec {
  const reader = new TableReader(table, where);
  const format = reader.choice("format", Object.keys(FORMATS) as DataSpec["format"][]);
  reader.expectOnly([...COMMON_KEYS, ...FORMATS[format]], format);
  const groupSources = reader.flag("group_sources") ?? false;
  switch (format) {
    case "text": {
      const sourceFile = reader.requiredString("source_file");
      const targetFile = reader.requiredString("target_file");
      return { format, sourceFile, targetFile, groupSources };
    }
    case "jsonl": {
      const file = reader.requiredString("file");
      const source = reader.string("source") ?? "source";
      const target = reader.string("target") ?? "target";
      return { format, file, source, target, groupSources };
    }
    case "tsv":
    case "csv": {
      const file = reader.requiredString("file");
      const source = reader.column("source") ?? 1;
      const target = reader.column("target") ?? 2;
      const named = typeof source === "string" || typeof target === "string";
      const header = reader.flag("header") ?? named;
      if (named && !header) reader.fail("header", false, "true, since columns go by name");
      const delimiter = reader.delimiter("delimiter") ?? (format === "tsv" ? "\t" : ",");
      return { format, file, source, target, header, delimiter, groupSources };
    }
  }
}

/** Takes values out of a table and refuses those of the wrong type. */
class TableReader {
  readonly #table: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(table: unknown, where: string) {
    if (typeof table !== "object" || table === null || Array.isArray(table)) {
      throw configurationError(
        `Cannot read data from ${where} = ${JSON.stringify(table)}: expected a table with format ` +
          "and file",
      );
    }
    this.#table = table as Record<string, unknown>;
    this.#where = where;
  }

  fail(key: string, value: unknown, expected: string): never {
    throw configurationError(
      value === undefined
        ? `Cannot find "${key}" in [${this.#where}]: expected ${expected}`
        : `Cannot use ${key} = ${JSON.stringify(value)} in [${this.#where}]: expected ${expected}`,
    );
  }

  expectOnly(known: readonly string[], format: string): void {
    const stranger = Object.keys(this.#table).find((key) => !known.includes(key));
    if (stranger === undefined) return;
    throw configurationError(
      `Cannot use key "${stranger}" in [${this.#where}]: format "${format}" has ${
        known.join(", ")
      }`,
    );
  }

  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#table[key];
    return choices.find((choice) => choice === value) ??
      this.fail(key, value, `one of ${choices.join(", ")}`);
  }

  flag(key: string): boolean | undefined {
    const value = this.#table[key];
    if (value === undefined || typeof value === "boolean") return value;
    return this.fail(key, value, "true or false");
  }

  string(key: string): string | undefined {
    const value = this.#table[key];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    return this.fail(key, value, "a string that is not empty");
  }

  requiredString(key: string): string {
    return this.string(key) ?? this.fail(key, undefined, "a string that is not empty");
  }

  column(key: string): number | string | undefined {
    const value = this.#table[key];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
    return this.fail(key, value, "a column's name, or its number from 1");
  }

  delimiter(key: string): string | undefined {
    const value = this.#table[key];
    if (value === undefined) return value;
    if (typeof value === "string" && value.length === 1 && !'\n\r"'.includes(value)) return value;
    return this.fail(key, value, "one character");
  }
}

function configurationError(message: string): UserError {
  return new UserError(ExitCode.model, message);
}
