/**
 * The network's weights by name and shape, as in published checkpoints (SPEC 4), and how many
 * parameters each part has. d is the hidden width, C the embedding width, V the vocabulary.
 */
import type { NetworkConfig } from "./network_config.ts";

/** Tensor names with shapes. */
type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Every weight that a model of this configuration has. */
export function expectedTensors(network: NetworkConfig): TensorShapes {
  return new Map([...embeddings(network), ...encoder(network), ...decoder(network)]);
}

/**
 * Tensors of published checkpoints that carry no information of their own: buffers, the tied copy
 * of the word embedding, and the encoder's pooler, which has no effect. Import drops them.
 */
export function redundantTensors(network: NetworkConfig): TensorShapes {
  const { vocabulary_size: V, embedding_size: C, hidden_size: d, max_positions } = network;
  return new Map([
    ["position_ids", [1, max_positions]],
    ["lm_head.weight", [V, C]],
    ["encoder.embeddings.position_ids", [1, max_positions]],
    ["encoder.embeddings.token_type_ids", [1, max_positions]],
    ...linear("encoder.pooler.dense", d, d),
  ]);
}

/**
 * Whether latents pass `input_up_proj` on their way in. As in the reference implementation, they
 * enter the decoder as they are where they already have its width.
 */
export function hasInputProjection(network: NetworkConfig): boolean {
  return network.self_conditioning || network.embedding_size !== network.hidden_size;
}

/** Whether predictions pass `output_down_proj` on their way out. */
function hasOutputProjection(network: NetworkConfig): boolean {
  return network.embedding_size !== network.hidden_size;
}

/** Parameters by part of the network. */
export interface ParameterCounts {
  /** Everything under `encoder.`. */
  readonly encoder: number;
  /** Blocks, projections, positions and LayerNorm of the decoder. */
  readonly decoder: number;
  /** Word embedding (tied with the output layer), its bias, and its LayerNorm if any. */
  readonly embeddings: number;
  /** Everything that brings in the timestep. */
  readonly time: number;
  /** All of them; tied weights count once. */
  readonly total: number;
}

/** Counts the parameters of a network by part. */
export function parameterCounts(network: NetworkConfig): ParameterCounts {
  const counts = { encoder: 0, decoder: 0, embeddings: 0, time: 0, total: 0 };
  for (const [name, shape] of expectedTensors(network)) {
    const count = elementCount(shape);
    counts[partOf(name)] += count;
    counts.total += count;
  }
  return counts;
}

/** The number of values in a tensor. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function partOf(name: string): "encoder" | "decoder" | "embeddings" | "time" {
  if (name.startsWith("encoder.")) return "encoder";
  if (/^(word_embedding|lm_head|embedding_norm)\./.test(name)) return "embeddings";
  return /(^|\.)(time_trans|r_w_bias|r_r_bias)(\.|$)/.test(name) ? "time" : "decoder";
}

type Tensors = Generator<[string, number[]]>;

function* embeddings(network: NetworkConfig): Tensors {
  const { vocabulary_size: V, embedding_size: C } = network;
  yield ["word_embedding.weight", [V, C]];
  yield ["lm_head.bias", [V]];
  if (network.embedding_layer_norm) yield* layerNorm("embedding_norm", C);
}

/** BERT's layout. */
function* encoder(network: NetworkConfig): Tensors {
  const { vocabulary_size: V, hidden_size: d, encoder_ffn_size: inner } = network;
  if (!network.shared_embeddings) yield ["encoder.embeddings.word_embeddings.weight", [V, d]];
  yield ["encoder.embeddings.position_embeddings.weight", [network.max_positions, d]];
  yield ["encoder.embeddings.token_type_embeddings.weight", [2, d]];
  yield* layerNorm("encoder.embeddings.LayerNorm", d);
  for (let i = 0; i < network.encoder_layers; i++) {
    const layer = `encoder.encoder.layer.${i}`;
    yield* linear(`${layer}.attention.self.query`, d, d);
    yield* linear(`${layer}.attention.self.key`, d, d);
    yield* linear(`${layer}.attention.self.value`, d, d);
    yield* linear(`${layer}.attention.output.dense`, d, d);
    yield* layerNorm(`${layer}.attention.output.LayerNorm`, d);
    yield* linear(`${layer}.intermediate.dense`, inner, d);
    yield* linear(`${layer}.output.dense`, d, inner);
    yield* layerNorm(`${layer}.output.LayerNorm`, d);
  }
}

function* decoder(network: NetworkConfig): Tensors {
  const { embedding_size: C, hidden_size: d, time_conditioning, attention_heads } = network;
  if (hasInputProjection(network)) {
    yield* linear("input_up_proj.0", 2 * d, network.self_conditioning ? 2 * C : C);
    yield* linear("input_up_proj.2", d, 2 * d);
  }
  yield ["position_embeddings.weight", [network.max_positions, d]];
  yield* layerNorm("LayerNorm", d);
  if (time_conditioning === "additive") yield* timeProjection("time_trans", network);
  for (let i = 0; i < network.decoder_layers; i++) {
    const block = `transformer_blocks.${i}`;
    for (const attention of ["attn1", "attn2"]) {
      for (const role of ["q", "k", "v"]) yield [`${block}.${attention}.to_${role}.weight`, [d, d]];
      yield* linear(`${block}.${attention}.to_out.0`, d, d);
    }
    yield* linear(`${block}.ff.net.0.proj`, 8 * d, d);
    yield* linear(`${block}.ff.net.2`, d, 4 * d);
    for (const norm of ["norm1", "norm2", "norm3"]) yield* layerNorm(`${block}.${norm}`, d);
    if (time_conditioning === "txl" || time_conditioning === "rotary") {
      yield* timeProjection(`${block}.time_trans`, network);
    }
    if (time_conditioning === "txl") {
      yield [`${block}.r_w_bias`, [attention_heads, d / attention_heads]];
      yield [`${block}.r_r_bias`, [attention_heads, d / attention_heads]];
    }
  }
  if (hasOutputProjection(network)) {
    yield* linear("output_down_proj.0", 2 * d, d);
    yield* linear("output_down_proj.2", C, 2 * d);
  }
  if (network.shifted) yield ["waiting_embedding", [C]];
  if (network.token_chain > 0) {
    yield* linear("token_chain.0", network.token_chain, 2 * C);
    yield* linear("token_chain.2", C, network.token_chain);
  }
}

function* timeProjection(name: string, network: NetworkConfig): Tensors {
  const { time_channels: time, hidden_size: d } = network;
  yield* linear(`${name}.0`, 4 * time, time);
  yield* linear(`${name}.2`, d, 4 * time);
}

function* linear(name: string, outputs: number, inputs: number): Tensors {
  yield [`${name}.weight`, [outputs, inputs]];
  yield [`${name}.bias`, [outputs]];
}

function* layerNorm(name: string, width: number): Tensors {
  yield [`${name}.weight`, [width]];
  yield [`${name}.bias`, [width]];
}
