/** `bin/ardiff`: which permissions a command line gets, and that it starts from anywhere. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeProgram } from "../../src/cli/program.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { ROOT } from "../docs/markdown.ts";
import { writeRun } from "../training/sample_run.ts";

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
    assertEquals(await setOf("files", "configs/smoke.toml"), "-P=reading");
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
  "bin/ardiff tells the program that nohup lets it live through a hang-up",
  withFolder(async (folder) => {
    const path = clone(folder);
    const say = '#!/bin/sh\necho "hang-up: ${ARDIFF_HANGUP:-heard}"\n';
    Deno.writeTextFileSync(`${folder}/.tools/bin/deno`, say);
    assertEquals((await run(path, ["train"])).stdout, "hang-up: heard\n");
    const ignoring = await run("sh", ["-c", `trap '' HUP; exec "${path}" train`]);
    assertEquals(ignoring.stdout, "hang-up: ignored\n");
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

Deno.test("bin/ardiff fails where its output would be lost", async () => {
  for (const [redirection, flaw] of [[">&-", "closed"], ["1</dev/null", "open for reading only"]]) {
    const { code, stderr } = await run("sh", ["-c", `'${SCRIPT}' --version ${redirection}`]);
    assertEquals(
      [code, stderr],
      [7, `Error: Cannot write to standard output: it is ${flaw}\n`],
      redirection,
    );
  }
  // What programs give to those they start, to be rid of the output.
  assertEquals((await run("sh", ["-c", `'${SCRIPT}' --version 1<>/dev/null`])).code, 0);
});

Deno.test("bin/ardiff reads and writes in /dev/shm", async () => {
  if ((await run("test", ["-w", "/dev/shm"])).code !== 0) return; // not every system has it
  const { stdout: folder } = await run("mktemp", ["-d", "/dev/shm/ardiff-XXXXXX"]);
  const path = `${folder.trim()}/lines`;
  const script =
    `echo '{"candidates": ["a b"]}' > "$1" && '${SCRIPT}' mbr -i "$1" -o "$1" && cat "$1"`;
  const { code, stdout, stderr } = await run("sh", [
    "-c",
    `${script}; rm -r "\${1%/*}"`,
    "sh",
    path,
  ]);
  assertEquals([code, stdout, stderr], [0, "a b\n", ""]);
});

Deno.test(
  "bin/ardiff gives every permission only to who names /dev/shm",
  withFolder(async (folder) => {
    const path = clone(folder);
    for (
      const [argument, all] of [["/dev/shm/x", true], ["--input=/dev/shm/x", true], ["x", false]]
    ) {
      const { stdout } = await run(path, ["mbr", `${argument}`]);
      assertEquals(stdout.includes("--allow-all\n"), all, `${argument}`);
    }
  }),
);

Deno.test(
  "bin/ardiff writes into the caller's folder alone",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const inClone = () => Array.from(Deno.readDirSync(ROOT), ({ name }) => name).sort();
    const before = inClone();
    const [cached, runs] = [`${ROOT}/.cache/ardiff`, `${ROOT}/runs`].map(namesIn);
    const { code, stdout, stderr } = await run(SCRIPT, ["train", config, "--max-steps", "1"], {
      cwd: folder,
    });
    assertEquals([code, stdout], [0, "runs/tiny/model\n"], stderr);
    assertEquals(inClone(), before);
    assertEquals([`${ROOT}/.cache/ardiff`, `${ROOT}/runs`].map(namesIn), [cached, runs]);
    assertEquals(namesIn(`${folder}/runs`), [".cache", "tiny"]);
  }),
);

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  } catch {
    return [];
  }
}

Deno.test(
  "docs/security.md names each command beside the set that bin/ardiff gives it",
  withFolder(async (folder) => {
    const path = clone(folder);
    const page = Deno.readTextFileSync(`${ROOT}/docs/security.md`);
    const rows = Array.from(page.matchAll(/^\| (`.*) +\| `(reading|writing|ardiff)` /gm));
    assertEquals(rows.length, 3);
    const seen: string[] = [];
    for (const [, commands, set] of rows) {
      for (const [, command] of commands!.matchAll(/`([^`]+)`/g)) {
        seen.push(command!.split(" ")[0]!);
        const args = [...command!.split(" "), "x"];
        const { stdout } = await run(path, args, { env: { ARDIFF_LIBTORCH: "" } });
        assertStringIncludes(stdout, `-P=${set}\n`, command);
      }
    }
    const program = makeProgram(processEnvironment());
    const names = program.commands.map((command) => command.name());
    assertEquals([...new Set(seen)].filter((name) => name !== "help").sort(), names.sort());
  }),
);
