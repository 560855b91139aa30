/** `ardiff files`: the texts that come with the program, where nobody has a clone to look into. */
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile, statIfPresent } from "../host/files.ts";
import { nearest } from "../nearest.ts";
import { programFile } from "../native/program_files.ts";

/** The streams of the process, or of a test. */
interface FilesIo {
  stdout(text: string): void | Promise<void>;
}

const MANUAL = "docs/ardiff.1";
const CONFIGURATIONS = "configs";

/**
 * Prints one of the files, or without a name the names of all.
 *
 * @throws {UserError} where there is none of that name
 */
export async function files(name: string | undefined, io: FilesIo): Promise<void> {
  const names = programTexts();
  if (name === undefined) return await io.stdout(names.map((each) => `${each}\n`).join(""));
  if (!names.includes(name)) {
    const near = nearest(name, names);
    throw new UserError(
      ExitCode.usage,
      `Cannot print "${name}": no such file comes with the program; ${
        near === undefined ? `there are ${names.join(", ")}` : `did you mean "${near}"?`
      }`,
    );
  }
  await io.stdout(readTextFile(programFile(name)));
}

/** The path of a training configuration: a file, or else one that comes with the program. */
export function resolveConfiguration(path: string): string {
  if (statIfPresent(path) !== null || !programTexts().includes(path)) return path;
  return programFile(path);
}

/** The names of the files, as they lie in a clone. */
function programTexts(): string[] {
  const folder = programFile(CONFIGURATIONS);
  if (statIfPresent(folder) === null) return [MANUAL];
  const configurations = [...Deno.readDirSync(folder)]
    .filter(({ name, isFile }) => isFile && name.endsWith(".toml"))
    .map(({ name }) => `${CONFIGURATIONS}/${name}`);
  return [...configurations.sort(), MANUAL];
}
