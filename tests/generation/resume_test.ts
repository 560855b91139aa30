/** `ardiff generate --resume` and `ardiff join`, with a small model on the CPU. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import type { OutputOrigin } from "../../src/generation/output_manifest.ts";
import { conclude, ResumableOutput } from "../../src/generation/resumable_output.ts";
import { runHere } from "../cli/fake_process.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeTinyModel } from "./tiny_model.ts";

/** Runs that are killed. */
const KILLS = Number(Deno.env.get("ARDIFF_TEST_KILLS") ?? 50);

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const WORDS = ["a dog", "a red dog", "", "the sky", "a man and a dog", "the man sees the sky"];

/** Lines of input, of which every run that is killed writes some. */
const LINES = 20 * KILLS;

/** A model, lines of input, and the words of a command that generates from them. */
function prepare(folder: string): string[] {
  writeTinyModel(`${folder}/model`);
  const lines = Array.from({ length: LINES }, (_, i) => `${WORDS[i % WORDS.length]}\n`);
  Deno.writeTextFileSync(`${folder}/lines`, lines.join(""));
  const common = ["--device", "cpu", "--steps", "2", "--threads", "1"];
  return ["generate", "--model", `${folder}/model`, "--input", `${folder}/lines`, ...common];
}

async function succeed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(words);
  assertEquals(code, ExitCode.ok, stderr);
  return stdout;
}

/** Fails with an exit code and a sentence. */
async function refused(code: number, sentence: string, ...words: string[]): Promise<void> {
  const outcome = await runHere(words);
  assertStringIncludes(outcome.stderr, sentence);
  assertEquals(outcome.code, code);
}

const ORIGIN: OutputOrigin = {
  version: "1",
  model: "m",
  input: "i",
  options: { seed: "0" },
  shard: null,
};

Deno.test(
  "ResumableOutput goes on behind the last whole line, wherever an earlier run was killed",
  withFolder(async (folder) => {
    const path = `${folder}/out`;
    const whole = "one\n\nthree\nfour\n";
    const lines = whole.split(/(?<=\n)/);
    for (let cut = 0; cut <= whole.length; cut++) {
      {
        using begun = ResumableOutput.open(path, ORIGIN, 4);
        assertEquals(begun.lines, 0);
      }
      Deno.writeTextFileSync(`${path}.part`, whole.slice(0, cut));
      {
        using output = ResumableOutput.open(path, ORIGIN, 4);
        assertEquals(output.lines, whole.slice(0, cut).split("\n").length - 1);
        for (const line of lines.slice(output.lines)) await output.write(line);
        output.finish();
      }
      assertEquals(Deno.readTextFileSync(path), whole);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
        "out",
        "out.manifest.json",
      ]);
      Deno.removeSync(path);
    }
  }),
);

Deno.test(
  "ResumableOutput knows a file that was renamed but not concluded, and one that is whole",
  withFolder((folder) => {
    const path = `${folder}/out`;
    {
      using _begun = ResumableOutput.open(path, ORIGIN, 2);
    }
    Deno.writeTextFileSync(`${path}.part`, "one\ntwo\n");
    Deno.renameSync(`${path}.part`, path);
    for (let run = 0; run < 2; run++) {
      using output = ResumableOutput.open(path, ORIGIN, 2);
      assert(output.isFinished);
    }
    assertEquals(JSON.parse(Deno.readTextFileSync(`${path}.manifest.json`)).lines, 2);
  }),
);

Deno.test(
  "ResumableOutput refuses what was made from something else, changed, or is at work",
  withFolder(async (folder) => {
    const path = `${folder}/out`;
    const open = (changes: Partial<OutputOrigin> = {}) => {
      using output = ResumableOutput.open(path, { ...ORIGIN, ...changes }, 1);
      return Promise.resolve(output.lines);
    };
    const refuses = (sentence: string, changes?: Partial<OutputOrigin>) =>
      assertRejects(async () => await open(changes), UserError, sentence);
    Deno.writeTextFileSync(path, "mine\n");
    await refuses(`there is no "${path}.manifest.json" that tells how it was made`);
    conclude(path, ORIGIN, 1);
    await refuses('the option "seed" is not that of the run before', { options: { seed: "1" } });
    await refuses("the model is not that of the run before", { model: "n" });
    await refuses("the input is not that of the run before", { input: "j" });
    await refuses("the shard is not that", { shard: { index: 1, count: 2 } });
    assertEquals(await open(), 1);
    Deno.writeTextFileSync(path, "other\n");
    await refuses("it is not what was written there");
    Deno.removeSync(path);
    using _begun = ResumableOutput.open(path, ORIGIN, 1);
    await refuses("another run is at work on it");
  }),
);

Deno.test(
  `ardiff generate --resume, killed at ${KILLS} random moments, comes to the same bytes`,
  withFolder(async (folder) => {
    const words = prepare(folder);
    const whole = await succeed(...words);
    const [output, command] = [`${folder}/out`, [...words, "--resume", "-o", `${folder}/out`]];
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--frozen", "-P=test", MAIN, ...command, "--batch-size", "2"],
        cwd: decodeURIComponent(new URL("../..", import.meta.url).pathname),
        stdout: "null",
        stderr: "piped",
      }).spawn();
    let alive = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const process = start();
      const ended = process.status;
      // From the first lines on, at some later moment.
      const before = sizeOf(`${output}.part`);
      const grown = async () => {
        while (sizeOf(`${output}.part`) === before && sizeOf(output) === 0) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await Promise.race([kill % 3 === 0 ? Promise.resolve() : grown(), ended]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      try {
        process.kill("SIGKILL");
      } catch {
        // It had already ended.
      }
      if ((await ended).signal === "SIGKILL") alive++;
      await process.stderr.cancel();
      if (sizeOf(output) > 0) assertEquals(Deno.readTextFileSync(output), whole);
    }
    // Else it would not have been tried.
    assert(2 * alive > KILLS, `${alive} of ${KILLS} kills came before the run had ended`);
    assertEquals(await succeed(...command), "");
    assertEquals(Deno.readTextFileSync(output), whole);
    assertEquals(sizeOf(`${output}.part`), 0);
    // Once more is no work, and another seed another output.
    assertEquals(await succeed(...command), "");
    await refused(ExitCode.usage, 'the option "seed" is not that', ...command, "--seed", "7");
  }),
);

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

Deno.test(
  "ardiff generate --resume needs files, and tells again of lines that an earlier run met",
  withFolder(async (folder) => {
    const words = prepare(folder);
    await refused(ExitCode.usage, "Cannot go on with a standard stream", ...words, "--resume");
    await refused(
      ExitCode.usage,
      "Cannot go on with a standard stream: --resume needs a regular file in --input",
      ...words.filter((word) => word !== "--input" && !word.endsWith("/lines")),
      "--resume",
      "-o",
      `${folder}/out`,
    );
    Deno.writeTextFileSync(`${folder}/lines`, '{"source": "a dog"}\n{}\n{"source": "a man"}\n');
    const json = [...words, "--input-format", "jsonl", "--resume", "-o", `${folder}/out`];
    await refused(ExitCode.data, "Cannot use 1 of 3 input lines", ...json);
    const lines = Deno.readTextFileSync(`${folder}/out`);
    Deno.removeSync(`${folder}/out`);
    Deno.writeTextFileSync(`${folder}/out.part`, lines.slice(0, lines.indexOf("\n", 5)));
    await refused(ExitCode.data, "Cannot use 1 of 3 input lines", ...json);
    assertEquals(Deno.readTextFileSync(`${folder}/out`), lines);
  }),
);

Deno.test(
  "ardiff join joins the shards of one run, in their order, and nothing else",
  withFolder(async (folder) => {
    const words = prepare(folder);
    const shard = (index: number, count = 3) => [
      ...words,
      "--shard",
      `${index}/${count}`,
      "-o",
      `${folder}/out.${index}`,
    ];
    const whole = await succeed(...words);
    for (const index of [1, 2, 3]) {
      await succeed(...shard(index), ...index === 2 ? ["--resume"] : []);
    }
    const parts = [1, 2, 3].map((index) => `${folder}/out.${index}`);
    assertEquals(await succeed("join", ...parts.toReversed()), whole);
    await succeed("join", ...parts, "-o", `${folder}/all`);
    assertEquals(Deno.readTextFileSync(`${folder}/all`), whole);
    // The manifest of the whole is that of a run without shards.
    await succeed(...words, "--resume", "-o", `${folder}/all`);

    const check = (sentence: string, ...files: string[]) =>
      refused(ExitCode.check, sentence, "join", ...files);
    await check("Cannot join 2 of 3 shards: shard 2/3 is missing", parts[0]!, parts[2]!);
    await check("it is shard 1/3, and so is", ...parts, parts[0]!);
    await succeed(...shard(2), "--seed", "5");
    await check('the option "seed" is not that of', ...parts);
    await succeed(...shard(2, 4));
    await check("it is one of 4 shards, but", ...parts);
    await succeed(...shard(2));
    Deno.writeTextFileSync(parts[1]!, "changed\n");
    await check("it is not what was generated", ...parts);
    Deno.writeTextFileSync(`${folder}/lines`, "another\n".repeat(LINES));
    await succeed(...shard(2));
    await check("the input is not that of", ...parts);
    Deno.removeSync(`${parts[1]}.manifest.json`);
    await refused(ExitCode.data, "generate it with --shard", "join", ...parts);
  }),
);
