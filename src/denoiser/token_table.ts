/** The tokens' embeddings as rounding compares with them (SPEC 4), on the host. */
import type { NetworkConfig } from "./config.ts";

/** PyTorch's LayerNorm. */
const EPSILON = 1e-5;

/** A row of C values for each token, and what is added to its score. */
export class TokenTable {
  /** C. */
  readonly width: number;
  /** [V, C] */
  readonly #embeddings: Float32Array<ArrayBuffer>;
  /** [V] of logits, and half of each squared length. */
  readonly #bias: Float32Array<ArrayBuffer>;
  readonly #halfSquares: Float32Array<ArrayBuffer>;

  /** @param read values of a tensor by name */
  constructor(network: NetworkConfig, read: (name: string) => Float32Array<ArrayBuffer>) {
    this.width = network.embedding_size;
    this.#embeddings = read("word_embedding.weight").slice();
    this.#bias = read("lm_head.bias");
    if (network.embedding_layer_norm) {
      this.#normalise(read("embedding_norm.weight"), read("embedding_norm.bias"));
    }
    this.#halfSquares = this.#bias.map((_, id) => {
      const row = this.embedding(id);
      return row.reduce((sum, x) => sum + x * x, 0) / 2;
    });
  }

  /** What stands for a token, [C]. */
  embedding(id: number): Float32Array<ArrayBuffer> {
    return this.#embeddings.subarray(id * this.width, (id + 1) * this.width);
  }

  /** The logits of a prediction, [V]. */
  logits(x0: Float32Array): Float32Array<ArrayBuffer> {
    return this.#bias.map((bias, id) => this.#product(x0, id) + bias);
  }

  /** How near each token is to a prediction, [V]: the higher, the nearer. */
  nearness(x0: Float32Array): Float32Array<ArrayBuffer> {
    return this.#halfSquares.map((half, id) => this.#product(x0, id) - half);
  }

  #product(x0: Float32Array, id: number): number {
    const first = id * this.width;
    let sum = 0;
    for (let c = 0; c < this.width; c++) sum += x0[c]! * this.#embeddings[first + c]!;
    return sum;
  }

  #normalise(weight: Float32Array, bias: Float32Array): void {
    for (let id = 0; id < this.#bias.length; id++) {
      const row = this.embedding(id);
      const mean = row.reduce((sum, x) => sum + x, 0) / this.width;
      const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / this.width;
      const scale = 1 / Math.sqrt(variance + EPSILON);
      row.forEach((x, c) => row[c] = (x - mean) * scale * weight[c]! + bias[c]!);
    }
  }
}
