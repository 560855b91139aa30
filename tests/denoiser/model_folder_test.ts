import { assertEquals, assertThrows } from "@std/assert";
import {
  checkWeights,
  loadModelFolder,
  type ModelFolderContent,
  writeModelFolder,
} from "../../src/denoiser/model_folder.ts";
import { expectedTensors } from "../../src/denoiser/parameters.ts";
import { bytesOf, type StoredTensor, toFloat32 } from "../../src/denoiser/tensors.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { changed, SAMPLE_CONFIG } from "./sample_config.ts";
import { sampleWeights, writeSampleFolder } from "./sample_folder.ts";
import { withFolder } from "./test_files.ts";

const { network } = SAMPLE_CONFIG;

/** Valid weights as they would come from a file, with some changes. */
function weightsWith(
  changes: Readonly<Record<string, Partial<StoredTensor> | null>>,
): Map<string, StoredTensor> {
  const values = sampleWeights(SAMPLE_CONFIG);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shape] of expectedTensors(network)) {
    tensors.set(name, { dtype: "F32", shape, bytes: bytesOf(values.get(name)!) });
  }
  for (const [name, change] of Object.entries(changes)) {
    const old = tensors.get(name) ?? { dtype: "F32", shape: [1], bytes: new Uint8Array(4) };
    if (change === null) tensors.delete(name);
    else tensors.set(name, { ...old, ...change });
  }
  return tensors;
}

function assertRefused(changes: Parameters<typeof weightsWith>[0], ...parts: string[]) {
  const error = assertThrows(
    () => checkWeights(weightsWith(changes), network, "m.safetensors"),
    UserError,
    'Cannot use weights "m.safetensors": ',
  );
  assertEquals(error.exitCode, ExitCode.model);
  for (const part of parts) {
    assertEquals(error.message.includes(part), true, `${error.message} lacks ${part}`);
  }
}

Deno.test(
  "loadModelFolder() reads what writeModelFolder() writes",
  withFolder((folder) => {
    const path = `${folder}/deep/model`;
    const weights = writeSampleFolder(path, SAMPLE_CONFIG, { readme: "# Card\n" });
    const loaded = loadModelFolder(path);
    assertEquals(loaded.config, SAMPLE_CONFIG);
    assertEquals(loaded.tokenizerJson, "{}");
    assertEquals([...loaded.tensors.keys()], [...expectedTensors(network).keys()]);
    for (const [name, tensor] of loaded.tensors) {
      assertEquals(toFloat32(tensor), weights.get(name)!, name);
    }
    assertEquals(readTextFile(`${path}/README.md`), "# Card\n");
    assertEquals([...Deno.readDirSync(`${folder}/deep`)].map(({ name }) => name), ["model"]);
  }),
);

Deno.test(
  "writeModelFolder() stores bfloat16 in half the space, rounded",
  withFolder((folder) => {
    const weights = writeSampleFolder(`${folder}/m`, SAMPLE_CONFIG, { dtype: "BF16" });
    for (const [name, tensor] of loadModelFolder(`${folder}/m`).tensors) {
      assertEquals(tensor.dtype, "BF16");
      const exact = weights.get(name)!;
      toFloat32(tensor).forEach((value, i) => {
        assertEquals(Math.abs(value - exact[i]!) <= Math.abs(exact[i]!) / 256, true);
      });
    }
  }),
);

Deno.test(
  "writeModelFolder() overwrites only a model folder, and only when told to",
  withFolder((folder) => {
    const path = `${folder}/m/`;
    writeSampleFolder(path, SAMPLE_CONFIG);
    const error = assertThrows(
      () => writeSampleFolder(path, SAMPLE_CONFIG),
      UserError,
      "it exists; choose another name",
    );
    assertEquals(error.exitCode, ExitCode.output);

    const newer = changed(SAMPLE_CONFIG, "provenance.source", "a second run");
    const weights = sampleWeights(newer);
    const content: ModelFolderContent = {
      config: newer,
      values: (name) => weights.get(name)!,
      dtype: "F32",
      tokenizerJson: "{}",
    };
    writeModelFolder(path, content, { replace: true });
    assertEquals(loadModelFolder(path).config, newer);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["m"]);

    Deno.mkdirSync(`${folder}/notes`);
    Deno.writeTextFileSync(`${folder}/notes/todo.txt`, "keep me");
    assertThrows(
      () => writeModelFolder(`${folder}/notes`, content, { replace: true }),
      UserError,
      "it is not a model folder",
    );
    assertEquals(readTextFile(`${folder}/notes/todo.txt`), "keep me");
  }),
);

Deno.test(
  "writeModelFolder() leaves nothing behind where it fails, and the old folder in place",
  withFolder((folder) => {
    writeSampleFolder(`${folder}/m`, SAMPLE_CONFIG);
    const content: ModelFolderContent = {
      config: SAMPLE_CONFIG,
      values: () => {
        throw new Error("No space left on device");
      },
      dtype: "F32",
      tokenizerJson: "{}",
    };
    const error = assertThrows(
      () => writeModelFolder(`${folder}/m`, content, { replace: true }),
      UserError,
      "No space left on device",
    );
    assertEquals(error.exitCode, ExitCode.output);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["m"]);
    assertEquals(loadModelFolder(`${folder}/m`).config, SAMPLE_CONFIG);
  }),
);

Deno.test(
  "loadModelFolder() says what is missing",
  withFolder((folder) => {
    const refused = (path: string, problem: string) =>
      assertThrows(() => loadModelFolder(path), UserError, problem);
    refused(`${folder}/none`, `Cannot load model "${folder}/none": no such folder`);
    for (const name of ["config.json", "model.safetensors", "tokenizer.json"]) {
      const path = `${folder}/without ${name}`;
      writeSampleFolder(path, SAMPLE_CONFIG);
      Deno.removeSync(`${path}/${name}`);
      refused(path, `Cannot read "${path}/${name}": no such file`);
    }
    refused(`${folder}/without config.json/model.safetensors`, "no such folder");
  }),
);

Deno.test(
  "loadModelFolder() tells damage that still makes sense, and files of another model",
  withFolder((folder) => {
    const path = `${folder}/m`;
    writeSampleFolder(path, SAMPLE_CONFIG);
    writeSampleFolder(`${folder}/other`, changed(SAMPLE_CONFIG, "diffusion.steps", 30));
    const refused = (problem: string) => {
      const error = assertThrows(() => loadModelFolder(path), UserError, problem);
      assertEquals(error.exitCode, ExitCode.model);
    };
    const weights = `${path}/model.safetensors`;
    const intact = Deno.readFileSync(weights);
    Deno.writeFileSync(weights, intact.with(-4, intact.at(-4)! ^ 1));
    refused(`"${weights}" is not what was written: its hash differs from that in manifest.json;`);
    Deno.writeFileSync(weights, intact);
    Deno.copyFileSync(`${folder}/other/config.json`, `${path}/config.json`);
    refused(`"${path}/config.json" is not what was written`);
    // A folder from before there were manifests, or one that was changed by hand.
    Deno.removeSync(`${path}/manifest.json`);
    assertEquals(loadModelFolder(path).config.diffusion.steps, 30);
    // Nothing waits for a writer.
    Deno.mkdirSync(`${path}/manifest.json`);
    refused(`"${path}/manifest.json" is no regular file`);
  }),
);

Deno.test("checkWeights() drops tensors that carry no information", () => {
  const embedding = weightsWith({}).get("word_embedding.weight")!;
  const tensors = weightsWith({
    position_ids: { dtype: "I64", shape: [1, 9], bytes: new Uint8Array(72) },
    "encoder.pooler.dense.bias": { shape: [8], bytes: new Uint8Array(32) },
    "lm_head.weight": embedding,
  });
  const names = [...checkWeights(tensors, network, "m").keys()];
  assertEquals(names, [...expectedTensors(network).keys()]);
});

Deno.test("checkWeights() names tensors that are missing or unexpected", () => {
  assertRefused({ "lm_head.bias": null }, 'tensor "lm_head.bias" is missing');
  assertRefused({ "LayerNorm.bias": null, "LayerNorm.weight": null }, "are missing");
  assertRefused({ extra: {} }, 'tensor "extra" is not part of the network');
  assertRefused({ a: {}, b: {}, c: {}, d: {}, e: {} }, '"a", "b", "c", "d", "e" are not part');
  assertRefused({ "lm_head.bias": null, x: {} }, 'missing, while tensor "x" is not part');
  const many = Object.fromEntries(Array.from("abcdefghijkl", (name) => [name, {}]));
  assertRefused(many, '"g", "h" and 4 others are not part');
});

Deno.test("checkWeights() names wrong shapes, types and values", () => {
  assertRefused({ "LayerNorm.bias": { shape: [2, 4] } }, "has shape [2,4]", "needs [8]");
  assertRefused({ "LayerNorm.bias": { dtype: "I32" } }, "data type I32");
  const bytes = bytesOf(Float32Array.of(0, 0, 0, NaN, 0, 0, 0, 0));
  assertRefused({ "LayerNorm.bias": { bytes } }, '"LayerNorm.bias" has NaN', "at position 3");
});

Deno.test("checkWeights() refuses an output layer that is not tied", () => {
  const other = { shape: [11, 4], bytes: new Uint8Array(4 * 44) };
  assertRefused({ "lm_head.weight": other }, '"lm_head.weight" differs');
});
