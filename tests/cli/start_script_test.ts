/** `bin/ardiff`: which permissions a command line gets, and that it starts from anywhere. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "../denoiser/test_files.ts";
import { ROOT } from "../docs/markdown.ts";

const SCRIPT = `${ROOT}/bin/ardiff`;

async function run(path: string, args: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(path, { args, ...options }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A clone whose Deno says what it is called with. */
function clone(folder: string): string {
  Deno.mkdirSync(`${folder}/bin`);
  Deno.mkdirSync(`${folder}/.tools/bin`, { recursive: true });
  Deno.copyFileSync(SCRIPT, `${folder}/bin/ardiff`);
  Deno.writeTextFileSync(`${folder}/.tools/bin/deno`, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  for (const file of ["bin/ardiff", ".tools/bin/deno"]) Deno.chmodSync(`${folder}/${file}`, 0o755);
  return `${folder}/bin/ardiff`;
}

Deno.test(
  "bin/ardiff gives a command the permissions that it needs and no more",
  withFolder(async (folder) => {
    const path = clone(folder);
    const setOf = async (...args: string[]) => {
      const { stdout } = await run(path, args, { env: { ARDIFF_LIBTORCH: "" } });
      const lines = stdout.trimEnd().split("\n");
      assertEquals(lines.slice(-args.length - 1), [`${folder}/main.ts`, ...args]);
      return lines.find((line) => line.startsWith("-P="));
    };
    assertEquals(await setOf("info", "models/x"), "-P=reading");
    assertEquals(await setOf("--no-color", "completions", "bash"), "-P=reading");
    assertEquals(await setOf("evaluate", "--hypotheses", "a b"), "-P=reading");
    assertEquals(await setOf("evaluate", "-m", "model"), "-P=ardiff");
    assertEquals(await setOf("evaluate", "--model=model"), "-P=ardiff");
    assertEquals(await setOf("mbr", "-i", "x"), "-P=writing");
    assertEquals(await setOf("generate", "-m", "$(touch here); x"), "-P=ardiff");
  }),
);

Deno.test("the sets of commands that need no network and no shim have neither", () => {
  const { permissions } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  for (const name of ["reading", "writing"]) {
    assertEquals(["ffi", "run", "net"].filter((kind) => kind in permissions[name]), [], name);
  }
  assert(!("write" in permissions.reading));
});

Deno.test(
  "bin/ardiff lets a library that ARDIFF_LIBTORCH names be loaded",
  withFolder(async (folder) => {
    const path = clone(folder);
    const { stdout } = await run(path, ["doctor"], { env: { ARDIFF_LIBTORCH: "/elsewhere" } });
    assertStringIncludes(stdout, "--allow-ffi\n");
    assert(!stdout.includes("--allow-net"));
  }),
);

Deno.test(
  "bin/ardiff starts from another folder, through a link",
  withFolder(async (folder) => {
    Deno.symlinkSync(SCRIPT, `${folder}/ardiff`);
    const { code, stdout } = await run("./ardiff", ["--version"], { cwd: folder });
    assertEquals([code, stdout], [0, `${(await import("../../src/version.ts")).VERSION}\n`]);
  }),
);

Deno.test(
  "bin/ardiff says how to set a clone up",
  withFolder(async (folder) => {
    const path = clone(folder);
    Deno.removeSync(`${folder}/.tools`, { recursive: true });
    const { code, stderr } = await run(path, ["--version"]);
    assertEquals(code, 5);
    assertStringIncludes(stderr, `run "${folder}/scripts/setup.sh" first`);
  }),
);
