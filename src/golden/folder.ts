/** A folder of golden values: configuration, weights and recorded tensors. */
import type { DenoiserOptions } from "../denoiser/denoiser.ts";
import { Denoiser } from "../denoiser/denoiser.ts";
import { expectedTensors } from "../denoiser/parameters.ts";
import { parseReferenceConfig, type ReferenceConfig } from "../denoiser/reference_config.ts";
import { readSafetensors, type Safetensors } from "../denoiser/safetensors.ts";
import { toFloat32, toInt32 } from "../denoiser/tensors.ts";
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile } from "../host/files.ts";
import type { SourceBatch } from "../native/generation.ts";

/** The values of one safetensors file, converted on demand. */
export class GoldenFile {
  readonly #tensors: Safetensors["tensors"];

  constructor(readonly path: string, readonly name: string) {
    this.#tensors = readSafetensors(path).tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  shape(name: string): readonly number[] {
    return this.#tensor(name).shape;
  }

  floats(name: string): Float32Array<ArrayBuffer> {
    return toFloat32(this.#tensor(name));
  }

  integers(name: string): Int32Array<ArrayBuffer> {
    return toInt32(this.#tensor(name));
  }

  #tensor(name: string) {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new UserError(ExitCode.check, `Golden file "${this.path}" lacks tensor "${name}"`);
    }
    return tensor;
  }
}

/** A golden folder. */
export class GoldenFolder {
  readonly config: ReferenceConfig;
  readonly weights: GoldenFile;

  constructor(readonly path: string) {
    const config = `${path}/config.json`;
    this.config = parseReferenceConfig(readTextFile(config), config);
    this.weights = new GoldenFile(`${path}/weights.safetensors`, "weights.safetensors");
  }

  /** A file of the folder, or undefined where it has none of that name. */
  file(name: string): GoldenFile | undefined {
    const path = `${this.path}/${name}`;
    try {
      if (!Deno.statSync(path).isFile) return undefined;
    } catch {
      return undefined;
    }
    return new GoldenFile(path, name);
  }

  /** The folder's network. */
  denoiser(options: DenoiserOptions): Promise<Denoiser> {
    const expected = expectedTensors(this.config.network);
    return Denoiser.create(this.config.network, (name) => {
      if (!expected.has(name)) throw new RangeError(`No golden weight is named ${name}`);
      return this.weights.floats(name);
    }, options);
  }
}

/** The source ids and mask of a golden file. */
export function goldenSources(file: GoldenFile): SourceBatch {
  const [sources = 0, length = 0] = file.shape("src_input_ids");
  return {
    ids: file.integers("src_input_ids"),
    mask: Uint8Array.from(file.integers("src_attention_mask")),
    sources,
    length,
  };
}
