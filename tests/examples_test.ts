/** Runs every program of examples/ with the permissions that it names, on a small model. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { withFolder } from "./denoiser/test_files.ts";
import { writeTinyModel } from "./generation/tiny_model.ts";
import { writeRun } from "./training/sample_run.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

/** The flags in the command line at the head of an example. */
function flagsOf(name: string): string[] {
  const text = Deno.readTextFileSync(new URL(name, EXAMPLES));
  const [, flags = ""] = /deno run ([^]*?)examples\//.exec(text) ?? [];
  return flags.match(/--allow-[\w=,]+/g) ?? [];
}

/** What an example prints when it is run with the permissions that it names, or with others. */
async function run(name: string, args: string[], flags = flagsOf(name)): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--frozen",
      "--no-prompt",
      ...flags,
      decodeURIComponent(new URL(name, EXAMPLES).pathname),
      ...args,
    ],
    cwd: new URL("..", EXAMPLES),
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("examples/ holds what is tested here, and each names its permissions", () => {
  const names = [...Deno.readDirSync(EXAMPLES)].map(({ name }) => name).sort();
  assertEquals(names, ["generate.ts", "own_utility.ts", "train_and_score.ts"]);
  for (const name of names) assert(flagsOf(name).length > 0, name);
});

Deno.test(
  "examples/generate.ts shows a trace and four candidates a line, one of them chosen",
  withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    const printed = await run("generate.ts", [`${folder}/model`, "a red dog", "the sky"]);
    assertEquals(printed.match(/^[1-5] \d+\.\.\d+ /gm)?.length, 2 * 5);
    assertEquals(printed.match(/^ {2}\d\.\d{3} /gm)?.length, 2 * 3);
    assertEquals(printed.match(/^> \d\.\d{3} /gm)?.length, 2);
  }),
);

Deno.test(
  "examples/generate.ts needs no more than docs/library.md says",
  withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    const page = Deno.readTextFileSync(new URL("../docs/library.md", EXAMPLES));
    const [, text = ""] = /^deno run (--allow-read=models[^]*?)examples\/generate/m.exec(page) ??
      [];
    const narrowed = Array.from(
      text.replaceAll("'", "").matchAll(/--allow-\S+/g),
      ([flag]) => flag.replace("=models,", `=${folder},`),
    );
    assertEquals(narrowed.length, 3);
    await run("generate.ts", [`${folder}/model`, "a red dog"], narrowed);
  }),
);

Deno.test(
  "examples/own_utility.ts chooses by three utilities",
  withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    const printed = await run("own_utility.ts", [`${folder}/model`, "a red dog"]);
    const rows = printed.trimEnd().split("\n").map((row) => row.split("\t"));
    assertEquals(rows.map(([name]) => name), ["bleu", "dice", "jaccard"]);
    for (const [, value] of rows) assert(Number(value) > 0 && Number(value) <= 1, printed);
  }),
);

Deno.test(
  "examples/train_and_score.ts ends with scores",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const args = [config, `${folder}/run`, "3", `${folder}/dev.tsv`];
    assertMatch(await run("train_and_score.ts", args), /^BLEU +\d+\.\d\d$/m);
  }),
);
