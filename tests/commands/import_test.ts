import { assertEquals, assertRejects } from "@std/assert";
import { importModel, type ImportOptions } from "../../src/commands/import.ts";
import { formatModelConfig, type ModelConfig } from "../../src/denoiser/config.ts";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { expectedTensors } from "../../src/denoiser/parameters.ts";
import { floatTensor, writeSafetensors } from "../../src/denoiser/safetensors.ts";
import { toFloat32 } from "../../src/denoiser/tensors.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { changed, SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { sampleWeights } from "../denoiser/sample_folder.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { TOKENIZER, TOKENIZER_SIZE } from "./sample_tokenizer.ts";

const config = changed(SAMPLE_CONFIG, "network.vocabulary_size", TOKENIZER_SIZE);

/** The same network in the published form. */
const published = {
  time_channels: 6,
  in_channels: 4,
  out_channels: 4,
  diffusion_steps: 2000,
  tgt_len: 7,
  max_pos_len: 9,
  intermediate_size: 12,
  num_attention_heads: 2,
  vocab_size: TOKENIZER_SIZE,
  pad_value: 0,
  att_strategy: "txl",
  time_att: true,
  self_condition: false,
  infer_self_condition: false,
  schedule_sampler: "xy_uniform",
  end_point_scale: 2.0,
  noise_schedule: "sqrt",
  rescale_timesteps: true,
  gen_timesteps: 20,
  hidden_size: 8,
  encoder_layers: 1,
  decoder_layers: 1,
};

/** Writes a checkpoint and its configuration; returns the command's options. */
function writeCheckpoint(
  folder: string,
  configText: string,
  { dtype = "F32" as "F32" | "BF16", network = config as ModelConfig } = {},
): ImportOptions {
  const weights = sampleWeights(network);
  const tensors = [...expectedTensors(network.network)].map(([name, shape]) =>
    floatTensor(name, shape, () => weights.get(name)!, dtype)
  );
  writeSafetensors(`${folder}/ckpt.safetensors`, tensors);
  Deno.writeTextFileSync(`${folder}/config.json`, configText);
  return {
    weights: `${folder}/ckpt.safetensors`,
    config: `${folder}/config.json`,
    tokenizer: TOKENIZER,
    output: `${folder}/model`,
    createdBy: "ardiff test",
  };
}

/** Runs the command and returns what it wrote to stderr. */
async function run(options: ImportOptions): Promise<string> {
  let stderr = "";
  await importModel(options, { stderr: (text) => void (stderr += text) });
  return stderr;
}

Deno.test(
  "importModel() makes a model folder of a published checkpoint",
  withFolder(async (folder) => {
    const options = writeCheckpoint(folder, JSON.stringify({ ...published, dropout: 0.1 }));
    const stderr = await run(options);
    const model = loadModelFolder(options.output);
    assertEquals(model.config, {
      ...config,
      text: {
        target_slots: 7,
        length: "fixed",
        slots_by_source: null,
        rounding: "nearest",
        max_source_tokens: 9,
        pad_id: 0,
        bos_id: null,
        eos_id: 2,
      },
      provenance: { created_by: "ardiff test", source: "imported from ckpt.safetensors" },
    });
    const weights = sampleWeights(config);
    for (const [name, tensor] of model.tensors) assertEquals(toFloat32(tensor), weights.get(name)!);
    assertEquals(model.tokenizerJson, readTextFile(TOKENIZER));
    assertEquals(stderr.includes("dropout"), true, stderr);
    assertEquals(stderr.includes(`into "${options.output}"`), true, stderr);
  }),
);

Deno.test(
  "importModel() takes our own configuration too and keeps bfloat16",
  withFolder(async (folder) => {
    const options = writeCheckpoint(folder, formatModelConfig(config), { dtype: "BF16" });
    await run(options);
    const model = loadModelFolder(options.output);
    assertEquals(model.config.diffusion, config.diffusion);
    assertEquals(model.config.provenance.created_by, "ardiff test");
    assertEquals(model.tensors.get("LayerNorm.bias")!.dtype, "BF16");
  }),
);

Deno.test(
  "importModel() says what it decided where files disagree",
  withFolder(async (folder) => {
    const options = writeCheckpoint(
      folder,
      JSON.stringify({ ...published, pad_value: 5, self_condition: true }),
      { network: changed(config, "network.self_conditioning", true) },
    );
    const stderr = await run(options);
    assertEquals(stderr.includes('not "pad_value" 5'), true, stderr);
    assertEquals(stderr.includes('although "infer_self_condition" is false'), true, stderr);
  }),
);

Deno.test(
  "importModel() refuses files that do not fit, and writes nothing",
  withFolder(async (folder) => {
    const refused = async (options: ImportOptions, problem: string) => {
      const error = await assertRejects(() => run(options), UserError, problem);
      assertEquals(error.exitCode, ExitCode.model);
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      assertEquals(left, ["ckpt.safetensors", "config.json"]);
    };
    const network = changed(config, "network.vocabulary_size", 100);
    const small = writeCheckpoint(folder, JSON.stringify(published), { network });
    await refused(small, "but the model's vocabulary has 100");
    const deep = JSON.stringify({ ...published, encoder_layers: 2 });
    await refused(writeCheckpoint(folder, deep), "others are missing");
    const shallow = JSON.stringify({ ...published, decoder_layers: 1, encoder_layers: 0 });
    await refused(writeCheckpoint(folder, shallow), "others are not part of the network");
    await refused(writeCheckpoint(folder, "{}"), 'missing key "format"');
    const valid = writeCheckpoint(folder, JSON.stringify(published));
    await refused(
      { ...valid, weights: valid.config },
      "neither safetensors nor their index, nor a file of torch.save",
    );
    await refused({ ...valid, weights: "/none" }, 'Cannot read "/none": no such file');
  }),
);

Deno.test(
  "importModel() reads YAML, and takes the vocabulary's size from the weights",
  withFolder(async (folder) => {
    const yaml = Object.entries({ ...published, vocab_size: 30522 })
      .map(([name, value]) => `${name}: ${value}\n`).join("");
    const options = writeCheckpoint(folder, "");
    const path = `${folder}/config.yaml`;
    Deno.writeTextFileSync(path, `# a run\n${yaml}hydra:\n  run: {dir: x}\n`);
    const said = await run({ ...options, config: path });
    assertEquals(said.includes(`The vocabulary has ${TOKENIZER_SIZE} tokens`), true, said);
    assertEquals(said.includes("Ignored options"), true, said);
    const { network } = loadModelFolder(options.output).config;
    assertEquals(network, config.network);
    for (const broken of ["a: [", "- x\n", "a: &a [*a]\n"]) {
      Deno.writeTextFileSync(path, broken);
      const error = await assertRejects(
        () => run({ ...options, config: path, output: `${folder}/other` }),
        UserError,
      );
      assertEquals(error.exitCode, ExitCode.model);
    }
  }),
);
