/** Tables of the pages say what the code says. */
import { assert, assertEquals } from "@std/assert";
import { processEnvironment } from "../../src/cli/environment.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { ExitCode } from "../../src/errors.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { page, ROOT, tableRows } from "./markdown.ts";

/** Paths of the files of a folder whose names end so, from the project's folder. */
function filesBelow(folder: string, ending: RegExp): string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return filesBelow(path, ending);
    return ending.test(name) ? [path] : [];
  });
}

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

Deno.test("README.md lists the commands", () => {
  const { commands } = makeProgram(processEnvironment());
  assertEquals(
    tableRows(page("README.md"), "command").map(([name]) => name),
    commands.map((command) => command.name()),
  );
});

Deno.test("README.md lists the exit codes", () => {
  assertEquals(
    tableRows(page("README.md"), "exit code").map(([code]) => Number(code)),
    Object.values(ExitCode),
  );
});

Deno.test("README.md lists the environment variables", () => {
  const used = new Set<string>();
  for (const path of [...filesBelow("src", /\.ts$/), ...filesBelow("scripts", /\.(sh|ts|c)$/)]) {
    const names = read(path).matchAll(
      /\benvironment\("(\w+)"\)|\.env\(?"(\w+)"|\$\{?(ARDIFF_\w+|LIBTORCH)\b/g,
    );
    for (const [, ...groups] of names) used.add(groups.find((name) => name !== undefined)!);
  }
  const listed = tableRows(page("README.md"), "variable").map(([name]) => name!);
  assertEquals(listed.toSorted(), [...used].sort());
});

Deno.test("docs/models.md explains every key of config.json", () => {
  const { format, ...sections } = SAMPLE_CONFIG;
  assertEquals(
    tableRows(page("docs/models.md"), "key").map(([key]) => key),
    [
      "format",
      ...Object.entries(sections).flatMap(([section, values]) =>
        Object.keys(values).map((key) => `${section}.${key}`)
      ),
    ],
  );
  assert(page("docs/models.md").text.includes(`\`${format}\``));
});

Deno.test("src keeps to the table of docs/architecture.md", () => {
  const rows = tableRows(page("docs/architecture.md"), "folder");
  const allowed = new Map(rows.map(([folder = "", , knows = ""]) => [folder, knows.split(", ")]));
  const folders = [...Deno.readDirSync(`${ROOT}src`)].filter(({ isDirectory }) => isDirectory);
  assertEquals([...allowed.keys()].toSorted(), folders.map(({ name }) => name).sort());
  for (const folder of allowed.keys()) {
    for (const path of filesBelow(`src/${folder}`, /\.ts$/)) {
      for (const [, target = ""] of read(path).matchAll(/(?:from|import\()\s*"([^"]+)"/g)) {
        const [, source, neighbour = folder] = new URL(target, `file:///${path}`).pathname
          .match(/^\/(src)\/(?:([^/]+)\/)?/) ?? [];
        if (source === undefined || neighbour === folder) continue;
        assert(allowed.get(folder)!.includes(neighbour), `${path} imports from ${neighbour}`);
      }
    }
  }
});
