/** Reads YAML, and says in one sentence where a text is none. */
import { parse } from "npm:deno-std@1.4.0/yaml/mod.js";
import { messageOf } from "../errors.ts";

/** Far more than options take; aliases of YAML can make much of little. */
const MAX_CHARACTERS = 1_000_000;

/** Whether a file's name says that it is YAML. */
export function isYamlPath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** What a text holds. @param fail is told the flaw where the text is not YAML, with its cause */
export function readYaml(text: string, fail: (problem: string, cause?: unknown) => never): unknown {
  if (text.length > MAX_CHARACTERS) return fail(`it has ${text.length} characters`);
  try {
    return parse(text);
  } catch (error) {
    return fail(`it is not valid YAML (${messageOf(error).split("\n", 1)[0]})`, error);
  }
}
