import { type ModelConfig, PLAIN_NETWORK } from "../../src/denoiser/config.ts";
import { PAPER_PROCESS } from "../../src/diffusion/process.ts";

/** A valid configuration, small enough to write a model folder with in a test. */
export const SAMPLE_CONFIG: ModelConfig = {
  format: "ardiff-model-1",
  network: {
    vocabulary_size: 11,
    embedding_size: 4,
    hidden_size: 8,
    encoder_layers: 1,
    decoder_layers: 1,
    attention_heads: 2,
    encoder_ffn_size: 12,
    time_channels: 6,
    max_positions: 9,
    time_conditioning: "txl",
    ...PLAIN_NETWORK,
  },
  diffusion: PAPER_PROCESS,
  text: {
    target_slots: 7,
    length: "fixed",
    slots_by_source: null,
    rounding: "nearest",
    max_source_tokens: 9,
    pad_id: 0,
    bos_id: null,
    eos_id: 1,
  },
  provenance: { created_by: "a test", source: "random numbers" },
};

/** A copy of a value with one place changed; `undefined` deletes the key. */
export function changed<T>(value: T, path: string, replacement: unknown): T {
  const copy = structuredClone(value);
  const keys = path.split(".");
  const last = keys.pop()!;
  let place = copy as Record<string, unknown>;
  for (const key of keys) place = place[key] as Record<string, unknown>;
  if (replacement === undefined) delete place[last];
  else place[last] = replacement;
  return copy;
}
