/** Tables of the pages say what the code says. */
import { assert, assertEquals } from "@std/assert";
import { makeProgram } from "../../src/cli/program.ts";
import { ExitCode } from "../../src/errors.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { filesBelow } from "../source_graph.ts";
import { page, ROOT, tableRows } from "./markdown.ts";

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
  const places: [string, RegExp][] = [["src", /\.ts$/], ["scripts", /\.(sh|ts|c)$/], [
    "native/src",
    /\.cpp$/,
  ]];
  for (const path of places.flatMap(([folder, names]) => filesBelow(folder, names))) {
    const names = read(path).matchAll(
      /\benvironment\("(\w+)"\)|\.env\(?"(\w+)"|getenv\("(\w+)"|\$\{?(ARDIFF_\w+|LIBTORCH)\b/g,
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
