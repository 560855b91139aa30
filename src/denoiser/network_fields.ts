/** The network's configuration as the shim takes it. */
import { TIME_CODES } from "../native/model.ts";
import type { NetworkConfig } from "./config.ts";
import { hasInputProjection } from "./parameters.ts";

/** The fields of `ardiff_network_config` after `struct_size`, in the order of ardiff.h. */
export function networkFields(network: NetworkConfig): number[] {
  return [
    network.vocabulary_size,
    network.embedding_size,
    network.hidden_size,
    network.encoder_layers,
    network.decoder_layers,
    network.attention_heads,
    network.encoder_ffn_size,
    network.time_channels,
    network.max_positions,
    TIME_CODES[network.time_conditioning],
    network.self_conditioning ? 1 : 0,
    network.embedding_layer_norm ? 1 : 0,
    hasInputProjection(network) ? 1 : 0,
    network.shifted ? 1 : 0,
    network.token_chain,
    network.shared_embeddings ? 1 : 0,
  ];
}
