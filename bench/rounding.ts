/**
 * Rounding where predictions lie as in trained models, and how much of its exactness costs: the
 * screening pass is in bfloat16 where the CPU multiplies that, and groups of embeddings that it cannot
 * rule out are scored again in float32.
 */

import type { Denoiser } from "../src/denoiser/denoiser.ts";
import { Run, type Workload } from "./generate.ts";
import { median } from "./statistics.ts";

/** Entries of a group, as in native/src/cpu/kernels/vocabulary.h. */
const GROUP = 32;
/** Vectors whose groups are counted. */
const COUNTED = 100;

/** Vectors at some distance from an embedding. */
export interface RoundingCase {
  readonly name: string;
  /** Milliseconds for all vectors of a batch. */
  readonly milliseconds: number;
  /** Groups that are scored again for a vector, on average, out of `groups`. */
  readonly rescored: number;
  readonly groups: number;
}

/** Times the choice of tokens for vectors near N(0,1) embeddings and for vectors near none. */
export async function timeRounding(
  workload: Workload,
  denoiser: Denoiser,
  repeats: number,
): Promise<RoundingCase[]> {
  const { width, initialNoise } = workload;
  const embeddings = workload.folder.weights.floats("word_embedding.weight");
  const screen = new Screen(embeddings, width);
  using run = await Run.start(workload, denoiser);
  const cases: RoundingCase[] = [];
  for (const [share, distance] of [[1, 0.1], [1, 0.5], [1, 1], [0, 1]] as const) {
    // The recorded noise serves as noise; embeddings are taken at a stride.
    const vectors = initialNoise.map((x, at) => {
      const id = Math.floor(at / width) * 7919 % (embeddings.length / width);
      return share * embeddings[id * width + at % width]! + distance * x;
    });
    const times: number[] = [];
    for (let i = 0; i < repeats; i++) times.push(await run.timeTokens(vectors));
    let rescored = 0;
    for (let i = 0; i < COUNTED; i++) {
      rescored += screen.rescored(vectors.subarray(i * width, (i + 1) * width));
    }
    cases.push({
      name: share === 1 ? `an embedding + ${distance} N(0,1)` : "N(0,1), near no embedding",
      milliseconds: median(times),
      rescored: rescored / COUNTED,
      groups: screen.groups,
    });
  }
  return cases;
}

/** The screening pass over a vocabulary in bfloat16. */
class Screen {
  readonly #width: number;
  readonly #rounded: Float32Array;
  readonly #bias: Float64Array;
  #largestNorm = 0;
  #largestLoss = 0;

  constructor(embeddings: Float32Array, width: number) {
    this.#width = width;
    this.#rounded = embeddings.map(toBfloat16);
    this.#bias = new Float64Array(embeddings.length / width);
    for (let v = 0; v < this.#bias.length; v++) {
      const row = embeddings.subarray(v * width, (v + 1) * width);
      const loss = norm(difference(row, this.#rounded.subarray(v * width, (v + 1) * width)));
      this.#bias[v] = -(norm(row) ** 2) / 2;
      this.#largestNorm = Math.max(this.#largestNorm, norm(row));
      this.#largestLoss = Math.max(this.#largestLoss, loss);
    }
  }

  get groups(): number {
    return Math.ceil(this.#bias.length / GROUP);
  }

  /** Groups whose best approximate score is within the screen's error of the best of all. */
  rescored(x: Float32Array): number {
    const rounded = x.map(toBfloat16);
    const slack = norm(difference(x, rounded)) * this.#largestNorm +
      norm(rounded) * this.#largestLoss;
    const maxima = new Float64Array(this.groups).fill(-Infinity);
    this.#bias.forEach((bias, v) => {
      let score = bias;
      for (let c = 0; c < this.#width; c++) {
        score += rounded[c]! * this.#rounded[v * this.#width + c]!;
      }
      const group = Math.floor(v / GROUP);
      maxima[group] = Math.max(maxima[group]!, score);
    });
    const limit = maxima.reduce((a, b) => Math.max(a, b)) - 2 * slack;
    return maxima.filter((score) => score >= limit).length;
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Rounds to the nearest bfloat16, ties to even. */
function toBfloat16(x: number): number {
  float[0] = x;
  bits[0] = (bits[0]! + 0x7fff + (bits[0]! >>> 16 & 1)) & 0xffff0000;
  return float[0]!;
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((x, i) => x - b[i]!);
}

function norm(x: Float32Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}
