/** Reads TOML, and says in one sentence where a text is none. */
import { parse, type TomlTable } from "npm:smol-toml@1.9.1";
import { messageOf } from "../errors.ts";
import type { Fail } from "./fail.ts";

/** How whole numbers are read. */
interface TomlOptions {
  /** "asNeeded": those that a float64 cannot hold become bigint; without it they are refused. */
  readonly integersAsBigInt?: "asNeeded";
}

/** The tables of a text. @param fail is told the place and the flaw where the text is not TOML */
export function readToml(toml: string, fail: Fail, options: TomlOptions = {}): TomlTable {
  try {
    return parse(toml, options);
  } catch (error) {
    // The first line says what is wrong, the others draw the place.
    const [what = ""] = messageOf(error).split("\n", 1);
    const { line, column } = error as { line?: number; column?: number };
    return fail(`line ${line}, column ${column}: ${what.replace(/^Invalid TOML document: /, "")}`);
  }
}

/** One value as it stands behind an equals sign; undefined where the text is none. */
export function readTomlValue(text: string): unknown {
  try {
    return parse(`value = ${text}`)["value"];
  } catch {
    return undefined;
  }
}
