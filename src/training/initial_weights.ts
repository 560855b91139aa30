/** Random weights to start from, as the reference implementation draws them. */
import { Random } from "../random.ts";
import { Purpose } from "./random.ts";

/** A tensor to be drawn. */
interface WeightTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Standard deviation of BERT's weights, and of Transformer-XL's attention biases. */
const BERT_DEVIATION = 0.02;

/** What first values depend on besides the tensor. */
interface InitialWeightsOptions {
  readonly seed: number;
  /** Number of the tensor. */
  readonly place: number;
  /** The inputs of the layer that a bias belongs to. */
  readonly inputsOf: (biasName: string) => number;
  /** Whether the network is in the shifted layout. */
  readonly shifted: boolean;
}

/**
 * The first values of a tensor.
 *
 * - LayerNorms start as the identity;
 * - the encoder as in BERT: N(0, 0.02), biases 0;
 * - token and position embeddings of the decoder: N(0, 1);
 * - other linear layers as in PyTorch: weights and biases uniform within 1 / sqrt(inputs).
 *
 * Networks in the shifted layout, which have no projection between logits and residual stream, start as
 * Transformers do: token embeddings N(0, 1 / sqrt(width)), positions N(0, 0.02), the last layer of the chain
 * head 0, and linear layers of the encoder as in PyTorch too.
 */
export function initialWeights(
  { name, shape }: WeightTensor,
  { seed, place, inputsOf, shifted }: InitialWeightsOptions,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const random = new Random(seed, Purpose.weights, place);
  if (/(LayerNorm|norm\d?|embedding_norm)\.weight$/.test(name)) return values.fill(1);
  if (/(LayerNorm|norm\d?|embedding_norm)\.bias$/.test(name)) return values;
  if (shifted) {
    if (name.startsWith("token_chain.2.")) return values;
    if (/word_embeddings?\.weight$|^waiting_embedding$/.test(name)) {
      return drawNormal(values, 1 / Math.sqrt(shape.at(-1)!), random);
    }
    if (/embeddings\.weight$/.test(name)) return drawNormal(values, BERT_DEVIATION, random);
  } else if (name.startsWith("encoder.")) {
    return name.endsWith(".bias") ? values : drawNormal(values, BERT_DEVIATION, random);
  }
  if (/\.r_[wr]_bias$/.test(name)) return drawNormal(values, BERT_DEVIATION, random);
  if (name.endsWith("embedding.weight") || name.endsWith("embeddings.weight")) {
    return drawNormal(values, 1, random);
  }
  const inputs = name.endsWith(".bias") ? inputsOf(name) : shape[1]!;
  return drawUniform(values, 1 / Math.sqrt(inputs), random);
}

function drawNormal(
  values: Float32Array<ArrayBuffer>,
  deviation: number,
  random: Random,
): Float32Array<ArrayBuffer> {
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  return values;
}

function drawUniform(
  values: Float32Array<ArrayBuffer>,
  bound: number,
  random: Random,
): Float32Array<ArrayBuffer> {
  for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform() - 1);
  return values;
}
