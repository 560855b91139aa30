/**
 * Where the shim and libtorch lie.
 *
 * The shim: `ARDIFF_NATIVE`, the build folder of the program, beside the executable. libtorch:
 * `--libtorch`, `ARDIFF_LIBTORCH`, the link that a build leaves beside the shim, beside the
 * executable, the torch that python3 imports. What a person names is taken or refused, never passed
 * over.
 */
import { programFile } from "./program_files.ts";

/** A place that a look-up went through. */
export interface Place {
  /** What led there: an option, a variable, a convention. */
  readonly by: string;
  /** The file or folder; null where what should name one names none. */
  readonly path: string | null;
}

/** The result of a look-up. */
export interface Location {
  /** The file or folder that was found. */
  readonly path: string | undefined;
  /** What led to it. */
  readonly by: string | undefined;
  /** Every place looked at, in order; the last one is where it was found. */
  readonly tried: readonly Place[];
}

const SHIM = "libardiff.so";

/** Where libtorch's libraries may lie in a folder that holds them: libtorch's own, a wheel's. */
const LIBTORCH_FOLDERS = ["", "/lib", "/torch/lib", "/libtorch", "/libtorch/lib"];

let preferred: string | undefined;

/** Makes `findLibtorch()` look into a folder and nowhere else: the option `--libtorch`. */
export function preferLibtorch(folder: string): void {
  preferred = folder;
}

/** Finds the shim. */
export function findShim(): Location {
  const override = environment("ARDIFF_NATIVE");
  const places: Place[] = override !== undefined ? [{ by: "ARDIFF_NATIVE", path: override }] : [
    { by: "the program's own", path: programFile(`build/native/${SHIM}`) },
    { by: "beside the executable", path: `${executableFolder()}/${SHIM}` },
  ];
  return firstOf(places, (path) => isFile(path) ? path : undefined);
}

/** Finds the folder of libtorch's libraries for a shim. */
export function findLibtorch(shim: string): Location {
  const named = namedLibtorch();
  return firstOf(
    named !== undefined ? [named] : conventionalPlaces(shim),
    (folder) =>
      LIBTORCH_FOLDERS.map((below) => `${folder}${below}`)
        .find((folder) => isFile(`${folder}/libtorch_cpu.so`)),
  );
}

/** What a person says about where libtorch is. */
export function namedLibtorch(): Place | undefined {
  if (preferred !== undefined) return { by: "--libtorch", path: preferred };
  const path = environment("ARDIFF_LIBTORCH");
  return path === undefined ? undefined : { by: "ARDIFF_LIBTORCH", path };
}

/** Made one at a time: asking python3 takes longer than all else. */
function* conventionalPlaces(shim: string): Generator<Place> {
  yield { by: "the build", path: `${folderOf(shim)}/libtorch` };
  yield { by: "beside the executable", path: executableFolder() };
  yield { by: "python3", path: torchOfPython() };
}

function firstOf(
  places: Iterable<Place>,
  find: (path: string) => string | undefined,
): Location {
  const tried: Place[] = [];
  for (const place of places) {
    tried.push(place);
    const path = place.path === null ? undefined : find(place.path);
    if (path !== undefined) return { path, by: place.by, tried };
  }
  return { path: undefined, by: undefined, tried };
}

/** libtorch's libraries in the order they must be loaded in. */
export function libtorchFiles(folder: string): string[] {
  return ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"]
    .map((name) => `${folder}/${name}`)
    .filter(isFile);
}

/** Whether a path leads to a file. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The folder of the torch that python3 imports. */
function torchOfPython(): string | null {
  try {
    const origin = askPython().trim();
    return origin === "" ? null : folderOf(origin);
  } catch {
    return null; // no Python, or no permission to run it
  }
}

function askPython(): string {
  // find_spec does not import torch, which would take a second.
  const code = "import importlib.util as u; s = u.find_spec('torch'); print(s and s.origin or '')";
  const ask = (clearEnv: boolean): string => {
    const { stdout } = new Deno.Command("python3", {
      args: ["-c", code],
      stdout: "piped",
      stderr: "null",
      clearEnv,
    }).outputSync();
    return new TextDecoder().decode(stdout);
  };
  try {
    return ask(false);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return ask(true); // Deno passes no LD_LIBRARY_PATH and the like on
  }
}

/** A launcher that started Deno names itself in `ARDIFF_EXECUTABLE`. */
function executableFolder(): string {
  return folderOf(environment("ARDIFF_EXECUTABLE") ?? Deno.execPath());
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end);
}

function environment(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}
