import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { average } from "../../src/commands/average.ts";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { toFloat32 } from "../../src/denoiser/tensors.ts";
import { UserError } from "../../src/errors.ts";
import { averageModels } from "../../src/training/average_models.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { runTraining, writeRun } from "./sample_run.ts";

Deno.test(
  "average() writes the mean of checkpoints' weights as a model folder",
  withFolder(async (folder) => {
    const set = ["checkpoints.every=4"];
    await runTraining(writeRun(folder), { output: `${folder}/run`, maxSteps: 8, set });
    const models = [4, 8].map((step) => `${folder}/run/checkpoints/step-0000000${step}`);
    const output = `${folder}/averaged`;
    let stdout = "";
    await average({ models, output }, { stdout: (text) => void (stdout += text) });
    assertEquals(stdout, `${output}\n`);
    const [first, second, mean] = [...models, output].map((path) => loadModelFolder(path));
    for (const [name, tensor] of mean!.tensors) {
      const [a, b] = [first!, second!].map(({ tensors }) => toFloat32(tensors.get(name)!));
      assertEquals(toFloat32(tensor), a!.map((value, i) => (value + b![i]!) / 2), name);
    }
    assertEquals(mean!.config.provenance.source, "the average of step-00000004, step-00000008");
    assertStringIncludes(Deno.readTextFileSync(`${output}/README.md`), "- step-00000008\n");
    averageModels([...models, output], { output: `${folder}/small`, dtype: "bf16" });
    const stored = loadModelFolder(`${folder}/small`).tensors;
    assert([...stored.values()].every(({ dtype }) => dtype === "BF16"));
  }),
);

Deno.test(
  "averageModels() refuses models that differ in more than weights",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const model = async (name: string, ...set: string[]) => {
      await runTraining(config, { output: `${folder}/${name}`, maxSteps: 1, set });
      return `${folder}/${name}/model`;
    };
    const plain = await model("plain");
    const refusal = (...paths: string[]) =>
      assertThrows(() => averageModels(paths, { output: `${folder}/out` }), UserError).message;
    assertStringIncludes(
      refusal(plain, await model("wide", "network.encoder_ffn_size=16")),
      "their configuration differs",
    );
    assertStringIncludes(
      refusal(plain, await model("words", 'tokenizer.normalizers=["Lowercase"]')),
      "their tokenizer differs",
    );
    assertStringIncludes(refusal(plain), "expected at least two checkpoints");
  }),
);
