/** The network that `scripts/oracles/torch_reference/shifted.py` recorded, and what PyTorch makes of it. */
import type { NetworkConfig } from "../../src/denoiser/config.ts";
import { Denoiser, type DenoiserOptions } from "../../src/denoiser/denoiser.ts";
import { GoldenFile } from "../../src/golden/folder.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

/** What the program recorded. */
export const RECORDED = new GoldenFile(
  new URL("../data/shifted_chain.safetensors", import.meta.url).pathname,
  "shifted_chain.safetensors",
);

/** As in the program. */
export const RECORDED_NETWORK: NetworkConfig = {
  ...SAMPLE_CONFIG.network,
  vocabulary_size: 37,
  embedding_size: 16,
  hidden_size: 16,
  encoder_layers: 1,
  decoder_layers: 2,
  attention_heads: 2,
  encoder_ffn_size: 20,
  max_positions: 12,
  time_conditioning: "none",
  shifted: true,
  token_chain: 12,
};

/** Rows, settled slots of a row and slots of a block, as in the program. */
export const ROWS = 3, SETTLED = 9, BLOCK = 3;

/** A recorded weight by its name in the shim. */
export function recordedWeight(name: string): Float32Array<ArrayBuffer> {
  return RECORDED.floats(`weight.${name}`);
}

/** The gradient of a weight. */
export function recordedGradient(name: string): Float32Array<ArrayBuffer> {
  return RECORDED.floats(`gradient.${name}`);
}

/** The recorded network, ready to generate. */
export function recordedDenoiser(options: DenoiserOptions): Promise<Denoiser> {
  return Denoiser.create(RECORDED_NETWORK, recordedWeight, options);
}

/** The recorded sources. */
export function recordedSources() {
  const shape = RECORDED.shape("source_ids");
  return {
    ids: RECORDED.integers("source_ids"),
    mask: Uint8Array.from(RECORDED.integers("source_mask")),
    sources: shape[0]!,
    length: shape[1]!,
  };
}

/**
 * Throws unless values agree to `tolerance`, relative to the largest of those expected.
 *
 * @param least what counts as the largest where all are smaller
 */
export function assertNear(
  values: ArrayLike<number>,
  expected: ArrayLike<number>,
  { tolerance = 1e-5, least }: { tolerance?: number; least: number },
  what: string,
): void {
  if (values.length !== expected.length) throw new Error(`${what}: ${values.length} values`);
  const largest = Math.max(least, ...Array.from(expected, Math.abs));
  for (let i = 0; i < values.length; i++) {
    const gap = Math.abs(values[i]! - expected[i]!);
    if (!(gap <= tolerance * largest)) {
      throw new Error(`${what}: value ${i} is ${values[i]}, expected ${expected[i]}`);
    }
  }
}
