/** Tests of locate.ts, which set variables: `locate_test.ts` runs them in a process of their own. */
import { assertEquals } from "@std/assert";
import { findLibtorch, findShim, libtorchFiles, preferLibtorch } from "../../src/native/locate.ts";
import { withFolder } from "../denoiser/test_files.ts";

/** Sets variables while a test runs in a new folder. */
function withEnvironment(
  variables: (folder: string) => Record<string, string>,
  test: (folder: string) => void,
): () => Promise<void> {
  return withFolder((folder) => {
    const set = Object.entries(variables(folder));
    const before = set.map(([name]) => [name, Deno.env.get(name)] as const);
    for (const [name, value] of set) Deno.env.set(name, value);
    try {
      test(folder);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    }
  });
}

/** Makes a folder that looks as if it held libtorch. */
function writeLibtorch(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const name of ["libtorch_cpu.so", "libc10.so"]) {
    Deno.writeTextFileSync(`${folder}/${name}`, "");
  }
}

/** A python3 that imports torch from a folder. */
function writePython(folder: string): void {
  const torch = `${folder}/site-packages/torch`;
  writeLibtorch(`${torch}/lib`);
  // A Python that is not isolated, or is in another folder, could run code of that folder.
  const answer = `[ "$1" = -I ] && [ "$PWD" = / ] && echo "${torch}/__init__.py"`;
  Deno.writeTextFileSync(`${folder}/python3`, `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
}

/** A program in `bin`, whose owner other files are compared with. */
function writeProgram(folder: string): void {
  Deno.mkdirSync(`${folder}/bin`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/bin/ardiff`, "");
}

/** Whether the process may give files away, as an administrator may. */
function mayGiveAway(): boolean {
  const file = Deno.makeTempFileSync();
  try {
    Deno.chownSync(file, 12345, 12345);
    return true;
  } catch {
    return false;
  } finally {
    Deno.removeSync(file);
  }
}

const nothingSet = (folder: string) => ({
  ARDIFF_LIBTORCH: "",
  ARDIFF_NATIVE: "",
  ARDIFF_EXECUTABLE: `${folder}/bin/ardiff`,
  PATH: folder,
});

Deno.test(
  "findShim() takes ARDIFF_NATIVE alone where it is set",
  withEnvironment((folder) => ({ ARDIFF_NATIVE: `${folder}/mine.so` }), (folder) => {
    const tried = [{ by: "ARDIFF_NATIVE", path: `${folder}/mine.so` }];
    assertEquals(findShim(), { path: undefined, by: undefined, tried });
    Deno.writeTextFileSync(`${folder}/mine.so`, "");
    assertEquals(findShim(), { path: `${folder}/mine.so`, by: "ARDIFF_NATIVE", tried });
  }),
);

Deno.test(
  "findLibtorch() looks beside the shim, beside the executable, and asks python3",
  withEnvironment(nothingSet, (folder) => {
    const found = () => {
      const { path, by, tried } = findLibtorch(`${folder}/native/libardiff.so`);
      return { path, by, tried: tried.map((place) => place.by) };
    };
    const all = ["the build", "beside the executable", "python3"];
    assertEquals(found(), { path: undefined, by: undefined, tried: all });
    writePython(folder);
    assertEquals(found(), {
      path: `${folder}/site-packages/torch/lib`,
      by: "python3",
      tried: all,
    });
    writeProgram(folder);
    writeLibtorch(`${folder}/bin/libtorch/lib`);
    assertEquals(found(), {
      path: `${folder}/bin/libtorch/lib`,
      by: "beside the executable",
      tried: all.slice(0, 2),
    });
    writeLibtorch(`${folder}/native/libtorch`);
    assertEquals(found(), {
      path: `${folder}/native/libtorch`,
      by: "the build",
      tried: all.slice(0, 1),
    });
  }),
);

Deno.test(
  "findLibtorch() takes nothing beside the executable that others may write",
  withEnvironment(nothingSet, (folder) => {
    writeProgram(folder);
    const lib = `${folder}/bin/libtorch/lib`;
    writeLibtorch(lib);
    const found = () => findLibtorch(`${folder}/native/libardiff.so`);
    const flaw = () => found().tried.find(({ by }) => by === "beside the executable")?.flaw;
    assertEquals([found().path, flaw()], [lib, undefined]);
    for (const path of [lib, `${lib}/libtorch_cpu.so`, `${lib}/libc10.so`]) {
      for (const mode of [0o777, 0o775, 0o1777]) {
        Deno.chmodSync(path, mode);
        assertEquals([found().path, flaw()], [undefined, `other users may write "${path}"`]);
      }
      Deno.chmodSync(path, 0o755);
    }
    assertEquals(found().path, lib);
    // A shim beside the executable has its libtorch in the same folder.
    Deno.chmodSync(lib, 0o777);
    assertEquals(findLibtorch(`${folder}/bin/libardiff.so`).path, undefined);
  }),
);

Deno.test({
  name: "findLibtorch() and findShim() take nothing beside the executable that another user owns",
  ignore: !mayGiveAway(),
  fn: withEnvironment(nothingSet, (folder) => {
    writeProgram(folder);
    Deno.chownSync(`${folder}/bin/ardiff`, 4321, 4321);
    const lib = `${folder}/bin/libtorch/lib`;
    writeLibtorch(lib);
    const found = () => findLibtorch(`${folder}/native/libardiff.so`);
    assertEquals(found().path, lib, "the administrator's");
    for (const path of [`${folder}/bin/libtorch`, lib, `${lib}/libc10.so`]) {
      Deno.chownSync(path, 12345, 12345);
      const { path: taken, tried } = found();
      assertEquals([taken, tried[1]?.flaw], [undefined, `another user owns "${path}"`]);
      Deno.chownSync(path, 4321, 4321);
      assertEquals(found().path, lib, "the owner's of the program");
    }
    Deno.writeTextFileSync(`${folder}/bin/libardiff.so`, "");
    Deno.chownSync(`${folder}/bin/libardiff.so`, 12345, 12345);
    const shim = findShim();
    // A build of the program's own, where there is one, comes first.
    const beside = shim.tried.find(({ by }) => by === "beside the executable");
    if (beside !== undefined) {
      assertEquals(beside.flaw, `another user owns "${folder}/bin/libardiff.so"`);
    }
  }),
});

Deno.test(
  "findLibtorch() survives a python3 that has no torch",
  withEnvironment(nothingSet, (folder) => {
    Deno.writeTextFileSync(`${folder}/python3`, "#!/bin/sh\necho\n", { mode: 0o755 });
    const { path, tried } = findLibtorch(`${folder}/native/libardiff.so`);
    assertEquals([path, tried.at(-1)], [undefined, { by: "python3", path: null }]);
  }),
);

Deno.test(
  "libtorchFiles() lists what is there in the order of loading",
  withFolder((folder) => {
    writeLibtorch(folder);
    Deno.writeTextFileSync(`${folder}/libtorch_python.so`, "");
    assertEquals(libtorchFiles(folder), [`${folder}/libc10.so`, `${folder}/libtorch_cpu.so`]);
  }),
);

Deno.test(
  "findLibtorch() takes what a person names or nothing, --libtorch before ARDIFF_LIBTORCH",
  withEnvironment(
    (folder) => ({ ...nothingSet(folder), ARDIFF_LIBTORCH: `${folder}/variable` }),
    (folder) => {
      const shim = `${folder}/native/libardiff.so`;
      writeLibtorch(`${folder}/native/libtorch`);
      const nothing = { path: undefined, by: undefined };
      let tried = [{ by: "ARDIFF_LIBTORCH", path: `${folder}/variable` }];
      assertEquals(findLibtorch(shim), { ...nothing, tried });
      writeLibtorch(`${folder}/variable/lib`);
      assertEquals(findLibtorch(shim), {
        path: `${folder}/variable/lib`,
        by: "ARDIFF_LIBTORCH",
        tried,
      });
      preferLibtorch(`${folder}/option`); // for the rest of this process: the last test
      tried = [{ by: "--libtorch", path: `${folder}/option` }];
      assertEquals(findLibtorch(shim), { ...nothing, tried });
      writeLibtorch(`${folder}/option/torch/lib`);
      assertEquals(findLibtorch(shim), {
        path: `${folder}/option/torch/lib`,
        by: "--libtorch",
        tried,
      });
    },
  ),
);
