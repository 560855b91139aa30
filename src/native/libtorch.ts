/**
 * Loads libtorch before the shim needs it.
 *
 * Permissions to load libraries are granted by path when a process starts, but a package learns only
 * later where this machine has its libtorch. It therefore brings a loader, which it may load and
 * which loads nothing but libtorch's libraries (native/launcher/libtorch_loader.c).
 */
import { isFile, libtorchFiles } from "./locate.ts";
import { programFile } from "./program_files.ts";

const LOADER = programFile("build/loader/libtorch_loader.so");

const loaderSymbols = {
  // int ardiff_load_libtorch(const char *folder, char *error, size_t error_size)
  ardiff_load_libtorch: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
} as const;

/**
 * Loads libtorch's libraries from a folder. They stay loaded for the life of the process.
 *
 * @throws {Error} what the dynamic linker says
 * @throws {Deno.errors.NotCapable} where the permissions name neither the folder nor a loader
 */
export function loadLibtorch(folder: string): void {
  if (!isFile(LOADER)) {
    for (const file of libtorchFiles(folder)) Deno.dlopen(file, {});
    return;
  }
  const error = new Uint8Array(1024);
  const { ardiff_load_libtorch } = Deno.dlopen(LOADER, loaderSymbols).symbols;
  const path = new TextEncoder().encode(`${folder}\0`);
  if (ardiff_load_libtorch(path, error, BigInt(error.length)) !== 0) {
    throw new Error(new TextDecoder().decode(error.subarray(0, error.indexOf(0))));
  }
}
