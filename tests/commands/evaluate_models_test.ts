import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runHere } from "../cli/fake_process.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeTinyModel } from "../generation/tiny_model.ts";

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
