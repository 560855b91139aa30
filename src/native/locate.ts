/**
 * Where the shim and libtorch lie.
 *
 * The shim: `ARDIFF_NATIVE`, the build folder of the program, beside the executable. libtorch:
 * `--libtorch`, `ARDIFF_LIBTORCH`, the link that a build leaves beside the shim, beside the
 * executable, the torch that python3 imports. What a person names is taken or refused, never passed
 * over. What lies beside the executable is taken only where no other user could have put it there.
 */
import { type Flaw, flawOfFolder } from "./owners.ts";
import { programFile } from "./program_files.ts";

/** A place that a look-up went through. */
export interface Place {
  /** What led there: an option, a variable, a convention. */
  readonly by: string;
  /** The file or folder; null where what should name one names none. */
  readonly path: string | null;
  /** Why what lies there was not taken, if something does. */
  readonly flaw?: string;
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

/** Ours has the same name on every system; libtorch's libraries have the system's own. */
const SHIM = "libardiff.so";
const SUFFIX = Deno.build.os === "darwin" ? "dylib" : "so";
const BESIDE = "beside the executable";

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
    { by: BESIDE, path: `${executableFolder()}/${SHIM}` },
  ];
  return firstOf(places, (path, { by }) => {
    if (!isFile(path)) return undefined;
    return { path, flaw: by === BESIDE ? flawBeside(executableFolder(), "", [SHIM]) : undefined };
  });
}

/** Finds the folder of libtorch's libraries for a shim. */
export function findLibtorch(shim: string): Location {
  const named = namedLibtorch();
  return firstOf(
    named !== undefined ? [named] : conventionalPlaces(shim),
    (folder, { by }) => {
      const below = LIBTORCH_FOLDERS.find((below) =>
        isFile(`${folder}${below}/libtorch_cpu.${SUFFIX}`)
      );
      if (below === undefined) return undefined;
      const path = `${folder}${below}`;
      // A shim beside the executable has its libtorch there too.
      const start = by === BESIDE || folderOf(folder) === executableFolder()
        ? executableFolder()
        : undefined;
      const flaw = start === undefined || named !== undefined
        ? undefined
        : flawBeside(start, path.slice(start.length), namesOf(path));
      return { path, flaw };
    },
  );
}

function flawBeside(start: string, below: string, files: readonly string[]): Flaw {
  return flawOfFolder(start, below, files, executable());
}

function namesOf(folder: string): string[] {
  return libtorchFiles(folder).map((path) => path.slice(folder.length + 1));
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
  yield { by: BESIDE, path: executableFolder() };
  yield { by: "python3", path: torchOfPython() };
}

function firstOf(
  places: Iterable<Place>,
  find: (path: string, place: Place) => { readonly path: string; readonly flaw: Flaw } | undefined,
): Location {
  const tried: Place[] = [];
  for (const place of places) {
    const found = place.path === null ? undefined : find(place.path, place);
    if (found?.flaw !== undefined) {
      tried.push({ ...place, flaw: found.flaw });
      continue;
    }
    tried.push(place);
    if (found !== undefined) return { path: found.path, by: place.by, tried };
  }
  return { path: undefined, by: undefined, tried };
}

/** libtorch's libraries in the order they must be loaded in. */
export function libtorchFiles(folder: string): string[] {
  return ["libc10", "libtorch_cpu", "libc10_cuda", "libtorch_cuda", "libtorch"]
    .map((name) => `${folder}/${name}.${SUFFIX}`)
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
  // Isolated (-I), or Python would import modules of the working directory; that leaves out a user's
  // own packages too, which are theirs. find_spec does not import torch, which would take a second.
  const code = "import importlib.util as u, site, sys; " +
    "sys.path.append(site.getusersitepackages()); " +
    "s = u.find_spec('torch'); print(s and s.origin or '')";
  const ask = (clearEnv: boolean): string => {
    const { stdout } = new Deno.Command("python3", {
      args: ["-I", "-c", code],
      cwd: "/",
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
function executable(): string {
  return environment("ARDIFF_EXECUTABLE") ?? Deno.execPath();
}

function executableFolder(): string {
  return folderOf(executable());
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end);
}

function environment(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}
