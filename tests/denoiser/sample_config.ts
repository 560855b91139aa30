import type { ModelConfig } from "../../src/denoiser/config.ts";

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
    self_conditioning: false,
    embedding_layer_norm: false,
    shifted: false,
    token_chain: 0,
  },
  diffusion: {
    steps: 2000,
    noise_schedule: "sqrt",
    timesteps: "token",
    anchor_scale: 2,
    anchor_distance: null,
    noise_factor: 1,
    rescale_timesteps: true,
    step_grid: "even",
  },
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
