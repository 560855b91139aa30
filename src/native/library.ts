/**
 * Finds and loads the shim, once, on first use: commands that need no network never pay for it.
 */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { findLibtorch, findShim, libtorchFiles } from "./locate.ts";
import { symbols } from "./symbols.ts";

/** Must equal ARDIFF_ABI_VERSION of ardiff.h. */
export const ABI_VERSION = 1;

/** The loaded shim. */
export type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** Where the loaded files came from, for `ardiff doctor`. */
export interface LibraryOrigin {
  /** Path of the shim. */
  readonly shim: string;
  /** Folder of libtorch where it had to be looked for; undefined where the shim knew it. */
  readonly libtorch: string | undefined;
  /** Every place looked at, in order. */
  readonly tried: readonly string[];
}

let loaded: { library: Library; origin: LibraryOrigin } | undefined;

/**
 * The shim's functions.
 *
 * @throws {UserError} where the shim or libtorch cannot be found or do not fit
 */
export function library(): Library {
  return (loaded ??= load()).library;
}

/** Loads the shim if need be and tells where everything was found. */
export function libraryOrigin(): LibraryOrigin {
  return (loaded ??= load()).origin;
}

function load(): { library: Library; origin: LibraryOrigin } {
  const shim = findShim();
  if (shim.path === undefined) {
    throw new UserError(
      ExitCode.native,
      `Cannot find the native library (looked at ${
        shim.tried.join(", ")
      }): run scripts/build_native.sh`,
    );
  }
  const torch = findLibtorch(shim.path);
  let opened: Library;
  try {
    // Handles of libraries stay open for the life of the process: a call after close would crash.
    for (const file of torch.folder === undefined ? [] : libtorchFiles(torch.folder)) {
      Deno.dlopen(file, {});
    }
    opened = Deno.dlopen(shim.path, symbols).symbols;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new UserError(
        ExitCode.native,
        `Cannot load the native library without permission: ${error.message}`,
        { cause: error },
      );
    }
    throw new UserError(
      ExitCode.native,
      `Cannot load the native library "${shim.path}" (${firstLine(messageOf(error))}): ${
        torch.folder === undefined
          ? `libtorch was not found at ${
            torch.tried.join(", ")
          }; install torch 2.11 to 2.13 or set ` +
            "ARDIFF_LIBTORCH to its folder"
          : "run scripts/build_native.sh again"
      }`,
      { cause: error },
    );
  }
  const version = opened.ardiff_abi_version();
  if (version !== ABI_VERSION) {
    throw new UserError(
      ExitCode.native,
      `The native library "${shim.path}" has ABI version ${version}, but this program needs ` +
        `${ABI_VERSION}: run scripts/build_native.sh`,
    );
  }
  return {
    library: opened,
    origin: {
      shim: shim.path,
      libtorch: torch.folder,
      tried: [...shim.tried, ...torch.tried],
    },
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
