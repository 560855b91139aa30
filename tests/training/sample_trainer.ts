/** A small network with random weights, batches for it and trainers of it. */
import { type ModelConfig, type NetworkConfig, PLAIN_NETWORK } from "../../src/denoiser/config.ts";
import { networkFields } from "../../src/denoiser/network_fields.ts";
import { processOf } from "../../src/diffusion/process.ts";
import { NativeModel } from "../../src/native/model.ts";
import { NativeTrainer } from "../../src/native/trainer.ts";
import { type BatchOptions, PLAIN_BATCH } from "../../src/native/trainer_options.ts";
import {
  assembleBatch,
  type AssembledBatch,
  randomTimesteps,
} from "../../src/training/micro_batch.ts";
import { Random } from "../../src/random.ts";
import { Purpose } from "../../src/training/random.ts";
import { assembleShifted } from "../../src/training/shifted_batch.ts";

/** No size is a multiple of a vector. */
export const NETWORK: NetworkConfig = {
  vocabulary_size: 61,
  embedding_size: 9,
  hidden_size: 20,
  encoder_layers: 1,
  decoder_layers: 2,
  attention_heads: 2,
  encoder_ffn_size: 33,
  time_channels: 6,
  max_positions: 12,
  time_conditioning: "txl",
  ...PLAIN_NETWORK,
};

/** A model with random weights. */
export function sampleModel(network: NetworkConfig): NativeModel {
  const model = new NativeModel(networkFields(network));
  model.tensors.forEach(({ shape }, index) => {
    const random = new Random(1, Purpose.weights, index);
    const size = shape.reduce((product, n) => product * n, 1);
    model.write(index, Float32Array.from({ length: size }, () => 0.3 * random.normal()));
  });
  return model;
}

/** A training pass in which nothing is dropped, smoothed or perturbed. */
export const BATCH_OPTIONS: BatchOptions = {
  ...PLAIN_BATCH,
  seed: 7n,
  step: 3,
  microBatch: 1,
  normaliser: 40,
};

/** A trainer on one thread of the CPU. */
export function sampleTrainer(
  model: NativeModel,
  config: ModelConfig,
  portable = false,
  chainOnly = false,
): Promise<NativeTrainer> {
  return NativeTrainer.create(model, {
    device: { kind: "cpu", index: 0 },
    dtype: "f32",
    threads: 1,
    portable,
    chainOnly,
    ...processOf(config.diffusion).trainingTables(),
  });
}

/**
 * Five rows of eight slots, other ones for another seed.
 *
 * @param shifted whether they are in the shifted layout
 */
export function sampleBatch(
  seed: number,
  diffusion: ModelConfig["diffusion"],
  paddingWeight: number,
  shifted = false,
): AssembledBatch {
  const random = new Random(seed, Purpose.timesteps);
  const ids = (count: number) => Uint16Array.from({ length: count }, () => 3 + random.below(58));
  const pairs = Array.from(
    { length: 5 },
    (_, row) => ({ source: ids(2 + row), target: ids(3 + row) }),
  );
  if (!shifted) {
    const settings = { slots: 8, padId: 0, paddingWeight };
    return assembleBatch(pairs, settings, randomTimesteps(diffusion, null, random));
  }
  const settings = { slots: 8, padId: 0, startId: 1, steps: diffusion.steps };
  const weights = { settled: 1, waiting: 0.3 };
  return assembleShifted(pairs, { ...settings, weights }, { width: 3, firstWidth: 2 });
}
