/**
 * Finds and loads the shim, once, on first use: commands that need no network never pay for it.
 */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { loadLibtorch } from "./libtorch.ts";
import { findLibtorch, findShim, type Location, namedLibtorch } from "./locate.ts";
import { symbols } from "./symbols.ts";

/** Must equal ARDIFF_ABI_VERSION of ardiff.h. */
export const ABI_VERSION = 4;

/** The loaded shim. */
type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** Where the files to load are, or were looked for, for `ardiff doctor`. */
interface LibraryOrigin {
  /** The shim. */
  readonly shim: Location;
  /** The folder of libtorch; undefined where there is no shim to load it for. */
  readonly libtorch: Location | undefined;
}

let origin: LibraryOrigin | undefined;
let loaded: Library | undefined;

/**
 * The shim's functions.
 *
 * @throws {UserError} where the shim or libtorch cannot be found or do not fit
 */
export function library(): Library {
  return loaded ??= load(libraryOrigin());
}

/** Where the shim and libtorch are found; loads nothing. */
export function libraryOrigin(): LibraryOrigin {
  return origin ??= locate();
}

/**
 * Loads another library of ours that the build has put beside the shim.
 *
 * @throws {UserError} where it is missing or does not fit
 */
export function loadBeside<Symbols extends Deno.ForeignLibraryInterface>(
  name: string,
  symbols: Symbols,
): Deno.DynamicLibrary<Symbols>["symbols"] {
  library(); // which loads libtorch
  const { path = "" } = libraryOrigin().shim;
  const file = path.slice(0, path.lastIndexOf("/") + 1) + name;
  return attempt(`load "${file}"`, BUILD, () => Deno.dlopen(file, symbols).symbols);
}

function locate(): LibraryOrigin {
  const shim = findShim();
  return { shim, libtorch: shim.path === undefined ? undefined : findLibtorch(shim.path) };
}

function load({ shim, libtorch }: LibraryOrigin): Library {
  if (shim.path === undefined || libtorch === undefined) {
    throw refusal(`find the native library (looked at ${placesOf(shim)})`, BUILD);
  }
  const named = namedLibtorch();
  if (libtorch.path === undefined && named !== undefined) {
    throw refusal(
      `find libtorch in "${named.path}", which ${named.by} names`,
      "give the folder that holds libtorch_cpu.so, or one above it",
    );
  }
  const opened = open(shim.path, libtorch);
  const version = opened.ardiff_abi_version();
  if (version !== ABI_VERSION) {
    throw refusal(
      `use the native library "${shim.path}", which has ABI version ${version} where this program ` +
        `needs ${ABI_VERSION}`,
      BUILD,
    );
  }
  return opened;
}

/**
 * A shim that lies where it was built knows its libtorch, and loads where none was found. Handles
 * stay open for the life of the process: a call after close would crash.
 */
function open(shim: string, libtorch: Location): Library {
  const { path } = libtorch;
  const another = `name another libtorch with --libtorch or ARDIFF_LIBTORCH, or ${BUILD}`;
  if (path !== undefined) {
    attempt(`load libtorch from "${path}"`, another, () => loadLibtorch(path));
  }
  return attempt(
    `load the native library "${shim}"`,
    path !== undefined ? another : `libtorch was not found (looked at ${placesOf(libtorch)}); ` +
      "install torch 2.11 to 2.13 (python3 -m pip install torch==2.13.0), or name its folder with " +
      "--libtorch or ARDIFF_LIBTORCH",
    () => Deno.dlopen(shim, symbols).symbols,
  );
}

function attempt<T>(task: string, wayOut: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      const wayOut = "start ardiff by bin/ardiff, and give a program of your own --allow-ffi";
      throw refusal("load the native library without permission", wayOut, error);
    }
    // Deno's words come before the dynamic linker's, twice.
    const reason = messageOf(error).split("\n", 1)[0]!.replace(/^(Could not open library: )+/, "");
    throw refusal(`${task} (${reason})`, wayOut, error);
  }
}

const BUILD = "run scripts/build_native.sh";

function refusal(task: string, wayOut: string, cause?: unknown): UserError {
  return new UserError(ExitCode.native, `Cannot ${task}: ${wayOut}`, { cause });
}

function placesOf({ tried }: Location): string {
  return tried.map(({ by, path, flaw }) =>
    `${path ?? by}${flaw === undefined ? "" : `, where ${flaw}`}`
  )
    .join(", ");
}
