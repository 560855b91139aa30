/**
 * From what people write after `--model` to a folder: a path, or the name of a model that comes with
 * the program, in its folder `models/`.
 */
import { ExitCode, UserError } from "../errors.ts";
import { statIfPresent } from "../host/files.ts";
import { programFile } from "../native/program_files.ts";

/**
 * The folder of a model. An existing folder wins over a model of that name.
 *
 * @param collection the folder of the models that have names
 * @throws {UserError} that lists the names where there is neither
 */
export function resolveModel(pathOrName: string, collection = programFile("models")): string {
  if (isFolder(pathOrName)) return pathOrName;
  const names = modelNames(collection);
  if (names.includes(pathOrName)) return `${collection}/${pathOrName}`;
  const known = names.map((name) => `"${name}"`).join(", ");
  throw new UserError(
    ExitCode.model,
    `Cannot load model "${pathOrName}": no such folder, and ${
      known === "" ? "no model comes with this program" : `the models known by name are ${known}`
    }`,
  );
}

/** The names of the models that come with the program. */
export function modelNames(collection = programFile("models")): string[] {
  if (!isFolder(collection)) return [];
  return [...Deno.readDirSync(collection)].map(({ name }) => name)
    .filter((name) => isFolder(`${collection}/${name}`)).sort();
}

function isFolder(path: string): boolean {
  return statIfPresent(path)?.isDirectory ?? false;
}
