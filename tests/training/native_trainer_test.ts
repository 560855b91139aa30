/** The shim's trainer as TypeScript sees it. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { flatLayout } from "../../src/native/trainer.ts";
import { type BatchOptions, PLAIN_UPDATE } from "../../src/native/trainer_options.ts";
import { assembleBatch, randomTimesteps } from "../../src/training/micro_batch.ts";
import { Random } from "../../src/random.ts";
import { Purpose } from "../../src/training/random.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import {
  BATCH_OPTIONS,
  NETWORK,
  sampleBatch,
  sampleModel,
  sampleTrainer,
} from "./sample_trainer.ts";

const MODEL = {
  ...SAMPLE_CONFIG,
  network: { ...NETWORK, embedding_layer_norm: true },
  diffusion: {
    steps: 2000,
    noise_schedule: "sqrt",
    timesteps: "token",
    anchor_scale: 2,
    anchor_distance: null,
    learned_schedule: null,
    noise_factor: 4,
    latent_view: "unit_variance",
    rescale_timesteps: true,
    step_grid: "even",
  },
} as const;

const OPTIONS: BatchOptions = {
  ...BATCH_OPTIONS,
  roundingLoss: "prediction",
  step: 1,
  microBatch: 0,
  dropout: 0.1,
};

Deno.test("flatLayout() says where every tensor lies", async () => {
  using model = sampleModel(MODEL.network);
  using trainer = await sampleTrainer(model, MODEL);
  const layout = flatLayout(model);
  const weights = trainer.read("weights");
  const covered = new Uint8Array(trainer.size);
  layout.forEach(({ name, start, length }, index) => {
    assertEquals(weights.slice(start, start + length), model.read(index), name);
    assertEquals(start % 16, 0);
    covered.fill(1, start, start + length);
  });
  assert(weights.every((value, i) => covered[i] === 1 || value === 0), "a gap is not 0");
  const end = layout.at(-1)!;
  assert(trainer.size - (end.start + end.length) < 16);
});

Deno.test("gradients of micro-batches add up, and so do their losses", async () => {
  using model = sampleModel(MODEL.network);
  const gradients = async (...seeds: number[]) => {
    using trainer = await sampleTrainer(model, MODEL);
    let loss = 0;
    for (const seed of seeds) {
      const terms = await trainer.batch(sampleBatch(seed, MODEL.diffusion, 0.5), {
        ...OPTIONS,
        microBatch: seed,
      });
      loss += terms.loss;
      assertAlmostEquals(terms.loss, terms.mse + terms.nll + terms.prior, 1e-4);
    }
    return { loss, values: trainer.read("gradients") };
  };
  const [both, one, two] = [await gradients(1, 2), await gradients(1), await gradients(2)];
  assertAlmostEquals(both.loss, one.loss + two.loss, 1e-5);
  const scale = Math.hypot(...both.values);
  const difference = Math.hypot(...both.values.map((v, i) => v - one.values[i]! - two.values[i]!));
  assert(difference < 1e-5 * scale, `${difference} of ${scale}`);
});

Deno.test("a gradient is formed from zero before it is added, bit for bit, with either trainer", async () => {
  using model = sampleModel(MODEL.network);
  for (const portable of [false, true]) {
    using trainer = await sampleTrainer(model, MODEL, portable);
    const expected = new Float32Array(trainer.size);
    const taken = new Float32Array(trainer.size);
    const batch = (seed: number) =>
      trainer.batch(sampleBatch(seed, MODEL.diffusion, 0.5), { ...OPTIONS, microBatch: seed });
    for (const seed of [1, 2, 3]) {
      await batch(seed);
      trainer.takeGradients(taken);
      taken.forEach((value, i) => expected[i] = expected[i]! + value);
    }
    assert(trainer.read("gradients").every((value) => value === 0));
    for (const seed of [1, 2, 3]) await batch(seed);
    const found = trainer.read("gradients");
    assertEquals(found.findIndex((value, i) => value !== expected[i]), -1);
    // What is not finite is for the update to judge.
    trainer.write("gradients", found.fill(NaN));
    assertEquals((await trainer.update(PLAIN_UPDATE)).applied, false);
  }
});

Deno.test("slots that are left out or have settled do not count, with either trainer", async () => {
  using model = sampleModel(MODEL.network);
  const moving = { ...MODEL.diffusion, anchor_distance: 2 };
  const batch = assembleBatch(
    Array.from({ length: 9 }, (_, row) => ({
      source: Uint16Array.of(3, 4 + row, 2),
      target: Uint16Array.from({ length: 3 + row % 4 }, (_, i) => 5 + i + row),
    })),
    { slots: 8, padId: 0, paddingWeight: 0.5 },
    randomTimesteps(moving, 0.8, new Random(4, Purpose.timesteps)),
  );
  assert(batch.weights.includes(0) && batch.keyMask !== undefined);
  // What is left out is not seen: other tokens there change nothing.
  const other = { ...batch, targetIds: batch.targetIds.slice() };
  for (let row = 0; row < batch.rows; row++) {
    other.targetIds.fill(9, row * batch.slots + batch.present[row]!, (row + 1) * batch.slots);
  }
  const noise = () =>
    new Float32Array(batch.rows * batch.slots * MODEL.network.embedding_size).map((_, i) =>
      Math.sin(i)
    );
  const results = [];
  for (const [portable, part] of [[false, batch], [false, other], [true, batch]] as const) {
    using trainer = await sampleTrainer(model, MODEL, portable);
    const given = { ...part, embeddingNoise: noise(), diffusionNoise: noise() };
    const { loss } = await trainer.batch(given, { ...OPTIONS, dropout: 0, attentionDropout: 0 });
    results.push({ loss, gradients: trainer.read("gradients") });
  }
  const [fused, changed, plain] = results;
  const scale = Math.hypot(...fused!.gradients);
  for (const { loss, gradients } of [changed!, plain!]) {
    assertAlmostEquals(loss, fused!.loss, 1e-5 * fused!.loss);
    const difference = Math.hypot(...gradients.map((v, i) => v - fused!.gradients[i]!));
    assert(difference < 1e-5 * scale, `${difference} of ${scale}`);
  }
});

Deno.test("update() agrees with AdamW in double precision over 20 steps", async () => {
  using model = sampleModel(MODEL.network);
  using trainer = await sampleTrainer(model, MODEL);
  const weights = Float64Array.from(trainer.read("weights"));
  const average = weights.slice();
  const first = new Float64Array(weights.length);
  const second = new Float64Array(weights.length);
  const [beta1, beta2, epsilon, weightDecay, clipNorm] = [0.9, 0.99, 1e-8, 0.01, 1];
  for (let step = 1; step <= 20; step++) {
    await trainer.batch(sampleBatch(step, MODEL.diffusion, 0.5), { ...OPTIONS, step });
    const gradients = trainer.read("gradients");
    const learningRate = 1e-3 * step;
    const { gradientNorm, applied } = await trainer.update({
      update: step,
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      clipNorm,
      averageDecay: 0.8,
    });
    assert(applied);
    const norm = Math.hypot(...gradients);
    assertAlmostEquals(gradientNorm, norm, 1e-4 * norm);
    const clip = Math.min(1, clipNorm / (norm + 1e-6));
    for (let i = 0; i < weights.length; i++) {
      const gradient = gradients[i]! * clip;
      first[i] = beta1 * first[i]! + (1 - beta1) * gradient;
      second[i] = beta2 * second[i]! + (1 - beta2) * gradient ** 2;
      const scaled = first[i]! / (1 - beta1 ** step) /
        (Math.sqrt(second[i]! / (1 - beta2 ** step)) + epsilon);
      weights[i] = weights[i]! * (1 - learningRate * weightDecay) - learningRate * scaled;
      average[i] = 0.8 * average[i]! + 0.2 * weights[i]!;
    }
  }
  for (const [state, expected] of [["weights", weights], ["average", average]] as const) {
    const found = trainer.read(state);
    const difference = Math.hypot(...expected.map((value, i) => value - found[i]!));
    assert(difference < 1e-5 * Math.hypot(...expected), `${state} differ by ${difference}`);
  }
  assert(trainer.read("gradients").every((value) => value === 0));
});

Deno.test("update() refuses gradients that are not finite and changes nothing else", async () => {
  using model = sampleModel(MODEL.network);
  using trainer = await sampleTrainer(model, MODEL);
  const before = trainer.read("weights");
  const huge = before.map((value) => value * 1e30);
  trainer.write("weights", huge);
  await trainer.batch(sampleBatch(1, MODEL.diffusion, 0.5), OPTIONS);
  const { applied } = await trainer.update({
    update: 1,
    learningRate: 1,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: 0,
    averageDecay: 0.9,
  });
  assertEquals(applied, false);
  assertEquals(trainer.read("weights"), huge);
  assertEquals(trainer.read("average"), before);
  assert(trainer.read("gradients").every((value) => value === 0));
});

Deno.test("export() puts the averaged weights into a model", async () => {
  using model = sampleModel(MODEL.network);
  using trainer = await sampleTrainer(model, MODEL);
  const average = trainer.read("average").map((value) => value + 1);
  trainer.write("average", average);
  trainer.export("average", model);
  const { start, length } = flatLayout(model)[0]!;
  assertEquals(model.read(0), average.slice(start, start + length));
});

Deno.test("usage() tells time and memory", async () => {
  using model = sampleModel(MODEL.network);
  using trainer = await sampleTrainer(model, MODEL);
  await trainer.batch(sampleBatch(1, MODEL.diffusion, 0.5), OPTIONS);
  const { forward, backward, update, peakBytes } = trainer.usage();
  assert(forward > 0 && backward > 0 && update === 0);
  assert(peakBytes > 10e6, `${peakBytes} bytes`);
});
