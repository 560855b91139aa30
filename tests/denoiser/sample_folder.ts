import type { ModelConfig } from "../../src/denoiser/config.ts";
import { type ModelFolderContent, writeModelFolder } from "../../src/denoiser/model_folder.ts";
import { elementCount, expectedTensors } from "../../src/denoiser/parameters.ts";
import { Random } from "./random.ts";

/** Small random values for every weight of a configuration. */
export function sampleWeights({ network }: ModelConfig): Map<string, Float32Array<ArrayBuffer>> {
  const random = new Random(1);
  return new Map(
    [...expectedTensors(network)].map(([name, shape]) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () => random.uniform() - 0.5),
    ]),
  );
}

/** Writes a valid model folder and returns its weights. */
export function writeSampleFolder(
  path: string,
  config: ModelConfig,
  content: Partial<ModelFolderContent> = {},
): Map<string, Float32Array<ArrayBuffer>> {
  const weights = sampleWeights(config);
  writeModelFolder(path, {
    config,
    values: (name) => weights.get(name)!,
    dtype: "F32",
    tokenizerJson: "{}",
    ...content,
  });
  return weights;
}
