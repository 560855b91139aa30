/**
 * Where the shim and libtorch lie.
 *
 * The shim: `ARDIFF_NATIVE`, the project's build folder, beside the executable. libtorch:
 * `ARDIFF_LIBTORCH`, the link that the build left beside the shim, beside the executable, the torch
 * that python3 imports.
 */

/** A look-up's result and the places it went through. */
export interface ShimLocation {
  readonly path: string | undefined;
  readonly tried: readonly string[];
}

/** The folder that holds libtorch's libraries. */
export interface LibtorchLocation {
  readonly folder: string | undefined;
  readonly tried: readonly string[];
}

const SHIM = "libardiff.so";

/** Finds the shim. */
export function findShim(): ShimLocation {
  const override = environment("ARDIFF_NATIVE");
  const tried = override !== undefined ? [override] : [
    decodeURIComponent(new URL(`../../build/native/${SHIM}`, import.meta.url).pathname),
    `${executableFolder()}/${SHIM}`,
  ];
  return { path: tried.find(exists), tried };
}

/**
 * Finds libtorch for a shim. The folder stays undefined where nothing was found; the shim may still
 * load, since one that lies where it was built knows its libtorch.
 */
export function findLibtorch(shim: string): LibtorchLocation {
  const tried: string[] = [];
  const check = (folder: string): string | undefined => {
    for (const candidate of [folder, `${folder}/lib`, `${folder}/torch/lib`]) {
      tried.push(candidate);
      if (exists(`${candidate}/libtorch_cpu.so`)) return candidate;
    }
  };
  const override = environment("ARDIFF_LIBTORCH");
  if (override !== undefined) return { folder: check(override), tried };
  const folder = check(`${shim.slice(0, shim.lastIndexOf("/"))}/libtorch`) ??
    check(executableFolder()) ?? check(`${executableFolder()}/libtorch`) ?? fromPython(check);
  return { folder, tried };
}

/** libtorch's libraries in the order they must be loaded in. */
export function libtorchFiles(folder: string): string[] {
  return ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"]
    .map((name) => `${folder}/${name}`)
    .filter(exists);
}

function fromPython(check: (folder: string) => string | undefined): string | undefined {
  try {
    // find_spec does not import torch, which would take a second.
    const code =
      "import importlib.util as u; s = u.find_spec('torch'); print(s.origin if s else '')";
    const { stdout } = new Deno.Command("python3", {
      args: ["-c", code],
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    const origin = new TextDecoder().decode(stdout).trim();
    return origin === "" ? undefined : check(origin.slice(0, origin.lastIndexOf("/")));
  } catch {
    return undefined; // no Python, or no permission to run it
  }
}

function executableFolder(): string {
  const launcher = environment("ARDIFF_EXECUTABLE") ?? Deno.execPath();
  return launcher.slice(0, launcher.lastIndexOf("/"));
}

function environment(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
