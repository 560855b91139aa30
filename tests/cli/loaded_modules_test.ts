/** What starting the program costs: the modules that it loads. */
import { assertEquals } from "@std/assert";
import { withFolder } from "../denoiser/test_files.ts";
import { ROOT } from "../docs/markdown.ts";

/** Names and numbers that help prints and that belong to other folders: they load nothing else. */
const TABLES = [
  "diffusion/names.ts",
  "generation/choices.ts",
  "generation/options.ts",
  "generation/selectors.ts",
  "generation/value_types.ts",
  "mbr/names.ts",
  "metrics/metric_names.ts",
  "training/distill/keep_names.ts",
  "training/presets.ts",
];

/** The modules of `src` that a command line loads: V8's coverage has a file for each. */
async function loadedModules(folder: string, ...args: string[]): Promise<string[]> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--frozen", "--no-prompt", "-P=ardiff", `--coverage=${folder}`]
      .concat("main.ts", ...args),
    cwd: ROOT,
    stdout: "null",
  }).output();
  assertEquals(success, true);
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const { url } = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)) as { url: string };
    return decodeURIComponent(new URL(url).pathname).match(/(?<=\/src\/).*/)?.[0] ?? [];
  }).sort();
}

Deno.test(
  "ardiff --help loads declarations, and none of what carries them out",
  withFolder(async (folder) => {
    const others = (await loadedModules(folder, "--help"))
      .filter((path) => path.includes("/") && !/^(cli|host)\//.test(path));
    assertEquals(others, TABLES);
  }),
);

Deno.test(
  "ardiff --version loads no declaration",
  withFolder(async (folder) => {
    const loaded = await loadedModules(folder, "--version");
    assertEquals(loaded, [
      "cli/run.ts",
      "errors.ts",
      "host/environment.ts",
      "host/messages.ts",
      "printable.ts",
      "version.ts",
    ]);
  }),
);
