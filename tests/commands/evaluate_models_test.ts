import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../src/errors.ts";
import { runHere } from "../cli/fake_process.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeShiftedModel, writeTinyModel } from "../generation/tiny_model.ts";

Deno.test(
  "evaluate compares models by a paired bootstrap and tells how each was run",
  withFolder(async (folder) => {
    writeTinyModel(`${folder}/other`, {}, { noise_factor: 4 });
    const data = `${folder}/dev.tsv`;
    Deno.writeTextFileSync(data, "a b\tthe a\nc d e\tthe c\nf\tthe f\n");
    writeTinyModel(`${folder}/one/model`);
    const models = ["-m", `${folder}/one/model`, "-m", `${folder}/other`];
    const command = ["evaluate", ...models, "--data", data, "--metrics", "chrf", "--seed", "7"];
    const { stdout, code } = await runHere([...command, "--steps", "2", "--json"]);
    assertEquals(code, 0);
    const { systems, bootstrap } = JSON.parse(stdout);
    assertEquals(bootstrap.resamples, 1000);
    // deno-lint-ignore no-explicit-any -- what a program that reads the JSON sees
    assertEquals(systems.map(({ name }: any) => name), ["one", "other"]);
    const [first, second] = systems;
    assertEquals(first.scores[0].pValue, undefined);
    assert(second.scores[0].pValue > 0 && second.scores[0].pValue <= 1);
    const { model, seed, options, seconds, processorSeconds } = second.run;
    assertEquals([model, seed, options.steps], [`${folder}/other`, "7", 2]);
    assert(seconds > 0 && processorSeconds > 0);
    assertEquals(second.calls.mean, 2);
    const table = await runHere([...command, "--steps", "2", "--bootstrap", "50"]);
    assertStringIncludes(table.stdout, "50 bootstrap resamples");
    assertStringIncludes(table.stdout, "(p = ");
  }),
);

Deno.test(
  "evaluate keeps to what lines of JSON ask of their texts, as generate does",
  withFolder(async (folder) => {
    writeShiftedModel(`${folder}/model`);
    const data = `${folder}/dev.jsonl`;
    const line = { source: "a cat and the snow", references: ["the dog"] };
    const coverage = async (lines: readonly object[]) => {
      Deno.writeTextFileSync(data, lines.map((each) => JSON.stringify(each)).join("\n"));
      const model = ["-m", `${folder}/model`, "--data", data];
      return await runHere([
        "evaluate",
        ...model,
        "--metrics",
        "coverage",
        "--beam",
        "4",
        "--json",
      ]);
    };
    const found = async (lines: readonly object[]) =>
      JSON.parse((await coverage(lines)).stdout).systems[0].scores[0].score;
    assert(await found([line]) < 100);
    assertEquals(await found([{ ...line, words: line.source.split(" ") }]), 100);
    const { code, stderr } = await coverage([line, { ...line, words: 3 }]);
    assertEquals(code, ExitCode.data);
    // Of outputs that are there, nothing is asked.
    Deno.writeTextFileSync(`${folder}/out.txt`, "a\nb\n");
    const scored = ["evaluate", "--hypotheses", `${folder}/out.txt`, "--data", data];
    assertEquals((await runHere([...scored, "--metrics", "coverage"])).code, 0);
    assertStringIncludes(stderr, 'line 2: expected field "words" to be a word or a list of words');
  }),
);
