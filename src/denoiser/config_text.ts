/** The text of a configuration: JSON, or YAML as the published program's runs keep it. */
import { parse } from "@std/yaml";
import { messageOf } from "../errors.ts";
import { failure, parseJson } from "./config.ts";
import { isObject } from "../host/json_value.ts";

/** Far more than options take; aliases of YAML can make much of little. */
const MAX_YAML_CHARACTERS = 1_000_000;

/**
 * Parses a configuration file, which is YAML where its name ends in `.yaml` or `.yml`. Of YAML, only
 * options at the top are kept with their values: others are named, for messages.
 *
 * @param source the file's path
 * @throws {UserError} where it is neither
 */
export function parseConfig(text: string, source: string): unknown {
  if (!/\.ya?ml$/i.test(source)) return parseJson(text, source);
  const fail = failure(source);
  if (text.length > MAX_YAML_CHARACTERS) return fail(`it has ${text.length} characters`);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    return fail(`it is not valid YAML (${messageOf(error).split("\n", 1)[0]})`, error);
  }
  if (!isObject(value)) return fail("it is not a list of options (name: value)");
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      typeof entry === "object" && entry !== null ? {} : entry,
    ]),
  );
}
