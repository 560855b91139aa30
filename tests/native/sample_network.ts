/** Small networks with random weights, and generation with them. */
import type { NetworkConfig } from "../../src/denoiser/config.ts";
import { Denoiser, type DenoiserOptions } from "../../src/denoiser/denoiser.ts";
import { elementCount, expectedTensors } from "../../src/denoiser/parameters.ts";
import { COEFFICIENTS_PER_SLOT, samplingPlan } from "../../src/diffusion/plan.ts";
import { processOf } from "../../src/diffusion/process.ts";
import type { GenerationStep, NativeGeneration, SourceBatch } from "../../src/native/generation.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { Random } from "../denoiser/random.ts";

const network: NetworkConfig = {
  ...SAMPLE_CONFIG.network,
  vocabulary_size: 101,
  embedding_size: 12,
  hidden_size: 24,
  attention_heads: 3,
  decoder_layers: 2,
  max_positions: 16,
};

/** One network for each way the timestep comes inand one for none, with the other options mixed. */
export const NETWORKS: readonly NetworkConfig[] = [
  { ...network, self_conditioning: true },
  { ...network, time_conditioning: "rotary", embedding_layer_norm: true },
  { ...network, time_conditioning: "additive", embedding_size: 24, encoder_layers: 0 },
  { ...network, time_conditioning: "none" },
];

/** The options of most tests: float32 on two threads of the CPU. */
export const F32: DenoiserOptions = { device: { kind: "cpu", index: 0 }, dtype: "f32", threads: 2 };

/**
 * A network with weights that make it react to its input.
 *
 * @param stored what a model's file makes of a weight
 */
export function sampleDenoiser(
  network: NetworkConfig,
  options = F32,
  stored: (weight: number) => number = (weight) => weight,
): Promise<Denoiser> {
  const random = new Random(1);
  const shapes = expectedTensors(network);
  return Denoiser.create(
    network,
    (name) =>
      Float32Array.from(
        { length: elementCount(shapes.get(name)!) },
        () => stored(0.8 * (random.uniform() - 0.5)),
      ),
    options,
  );
}

/** A number of eight significant bits. */
export function bfloat16(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  bits.setUint16(2, 0);
  return bits.getFloat32(0);
}

/** Sources as a matrix, padded on the right. */
export function batchOf(sources: readonly (readonly number[])[]): SourceBatch {
  const length = Math.max(...sources.map((ids) => ids.length));
  const ids = new Int32Array(sources.length * length);
  const mask = new Uint8Array(sources.length * length);
  sources.forEach((source, row) => {
    ids.set(source, row * length);
    mask.fill(1, row * length, row * length + source.length);
  });
  return { ids, mask, sources: sources.length, length };
}

/** Sources of 1 to 9 tokens. */
export function randomSources(count: number, seed: number): number[][] {
  const random = new Random(seed);
  return Array.from(
    { length: count },
    () => Array.from({ length: 1 + random.below(9) }, () => random.below(101)),
  );
}

/**
 * The steps of a short run of the reverse process with fresh noise, rounding or not.
 *
 * @param moving whether the anchor moves, so that slots settle one after another
 */
export function sampleSteps(slots: number, round: boolean, moving = false): GenerationStep[] {
  const anchor_distance = moving ? 2 : null;
  const process = processOf({ ...SAMPLE_CONFIG.diffusion, steps: 200, anchor_distance });
  const plan = samplingPlan(process, {
    slots,
    evaluations: moving ? 6 : 4,
    grid: moving ? "left" : "even",
    sampler: "posterior",
    eta: 0,
  });
  return Array.from({ length: plan.evaluations }, (_, index) => {
    const [first, last] = [index * slots, (index + 1) * slots];
    return {
      index,
      rows: 1,
      timesteps: plan.timesteps.slice(first, last),
      inputScale: plan.inputScale.slice(first, last),
      coefficients: plan.coefficients.slice(
        first * COEFFICIENTS_PER_SLOT,
        last * COEFFICIENTS_PER_SLOT,
      ),
      atRest: plan.atRest.slice(first, last),
      round,
    };
  });
}

/** What a batch ends with. */
export interface Outcome {
  /** [R, N] tokens. */
  readonly ids: Int32Array;
  /** [R, N, C] latents. */
  readonly z: Float32Array;
}

/** How {@linkcode generate} starts. */
export interface GenerateOptions {
  readonly candidates: number;
  readonly firstCandidate: number;
  readonly slots: number;
  readonly seed: bigint;
  readonly portable: boolean;
  readonly round: boolean;
}

/** One candidate in eight slots. */
export const ONE: GenerateOptions = {
  candidates: 1,
  firstCandidate: 0,
  slots: 8,
  seed: 5n,
  portable: false,
  round: true,
};

/** Runs sources through all steps. */
export async function generate(
  denoiser: Denoiser,
  sources: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Outcome> {
  using batch = await denoiser.start(batchOf(sources), { ...options, noiseScale: 1 });
  const steps = sampleSteps(options.slots, options.round, denoiser.network.shifted);
  for (const step of steps) await batch.step(step);
  return { ids: await batch.tokens("z"), z: readLatents(batch, denoiser.network) };
}

/** All latents of a batch, [R, N, C]. */
export function readLatents(
  batch: NativeGeneration,
  { embedding_size }: NetworkConfig,
  state: "z" | "x0" = "z",
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(batch.rows * batch.slots * embedding_size);
  batch.read(state, values);
  return values;
}

/** The values of row `row` where each row has the same number of them. */
export function rowOf<T extends Int32Array | Float32Array>(
  values: T,
  row: number,
  rows: number,
): T {
  const width = values.length / rows;
  return values.slice(row * width, (row + 1) * width) as T;
}
