/** The text of a configuration: JSON, or YAML as the published program's runs keep it. */
import { isObject } from "../host/json_value.ts";
import { isYamlPath, readYaml } from "../host/yaml.ts";
import { failure, parseJson } from "./config.ts";

/**
 * Parses a configuration file, which is YAML where its name ends in `.yaml` or `.yml`. Of YAML, only
 * options at the top are kept with their values: others are named, for messages.
 *
 * @param source the file's path
 * @throws {UserError} where it is neither
 */
export function parseConfig(text: string, source: string): unknown {
  if (!isYamlPath(source)) return parseJson(text, source);
  const fail = failure(source);
  const value = readYaml(text, fail);
  if (!isObject(value)) return fail("it is not a list of options (name: value)");
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      typeof entry === "object" && entry !== null ? {} : entry,
    ]),
  );
}
