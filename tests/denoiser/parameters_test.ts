import { assertEquals } from "@std/assert";
import {
  elementCount,
  expectedTensors,
  parameterCounts,
  redundantTensors,
} from "../../src/denoiser/parameters.ts";
import { parseReferenceConfig } from "../../src/denoiser/reference_config.ts";
import { readSafetensors } from "../../src/denoiser/safetensors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { SAMPLE_CONFIG } from "./sample_config.ts";
import { golden } from "./test_files.ts";

const folders = [...Deno.readDirSync(golden(""))].filter((entry) => entry.isDirectory);

for (const { name } of folders) {
  Deno.test(`expectedTensors() names the weights of golden ${name}`, () => {
    const path = golden(`${name}/config.json`);
    const { network } = parseReferenceConfig(readTextFile(path), path);
    const shapes = (tensors: Iterable<[string, { readonly shape: readonly number[] }]>) =>
      Object.fromEntries([...tensors].map(([name, { shape }]) => [name, [...shape]]));
    const actual = shapes(readSafetensors(golden(`${name}/weights.safetensors`)).tensors);
    const redundant = redundantTensors(network);
    for (const [name, shape] of redundant) {
      if (name in actual) assertEquals(actual[name], [...shape], name);
      delete actual[name];
    }
    const expected = [...expectedTensors(network)].map(([name, shape]) => [name, [...shape]]);
    assertEquals(actual, Object.fromEntries(expected));
  });
}

Deno.test("expectedTensors() adds the embedding's LayerNorm only where it is on", () => {
  const network = { ...SAMPLE_CONFIG.network, embedding_layer_norm: true };
  const added = [...expectedTensors(network).keys()].filter((name) =>
    !expectedTensors(SAMPLE_CONFIG.network).has(name)
  );
  assertEquals(added, ["embedding_norm.weight", "embedding_norm.bias"]);
});

Deno.test("parameterCounts() splits the total into parts", () => {
  const counts = parameterCounts(SAMPLE_CONFIG.network);
  const { V, C, d, time } = { V: 11, C: 4, d: 8, time: 6 };
  assertEquals(counts.embeddings, V * C + V);
  assertEquals(counts.time, 4 * time * time + 4 * time + d * 4 * time + d + 2 * d);
  const total = [...expectedTensors(SAMPLE_CONFIG.network).values()].map(elementCount);
  assertEquals(counts.total, total.reduce((sum, count) => sum + count));
  assertEquals(
    counts.encoder + counts.decoder + counts.embeddings + counts.time,
    counts.total,
  );
});
