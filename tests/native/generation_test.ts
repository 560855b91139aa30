import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { NativeError, Status } from "../../src/native/errors.ts";
import { testOnOtherKernels } from "./kernels.ts";
import {
  batchOf,
  F32,
  generate,
  NETWORKS,
  ONE,
  randomSources,
  readLatents,
  rowOf,
  sampleDenoiser,
  sampleSteps,
} from "./sample_network.ts";

const SOURCES = randomSources(13, 3);

for (const network of NETWORKS) {
  const name = `${network.time_conditioning} network`;

  Deno.test(`${name}: a row has the same bits alone and in any batch`, async () => {
    for (const dtype of ["f32", "bf16"] as const) {
      using denoiser = await sampleDenoiser(network, { ...F32, dtype });
      const together = await generate(denoiser, SOURCES, ONE);
      const few = await generate(denoiser, SOURCES.slice(5, 8), ONE);
      for (const [row, source] of SOURCES.entries()) {
        const alone = await generate(denoiser, [source], ONE);
        const what = `${dtype}, row ${row}`;
        assertEquals(rowOf(together.z, row, SOURCES.length), alone.z, what);
        assertEquals(rowOf(together.ids, row, SOURCES.length), alone.ids, what);
        if (row >= 5 && row < 8) assertEquals(rowOf(few.z, row - 5, 3), alone.z, what);
      }
    }
  });

  Deno.test(`${name}: a row has the same bits with any number of threads`, async () => {
    using one = await sampleDenoiser(network, { ...F32, threads: 1 });
    using three = await sampleDenoiser(network, { ...F32, threads: 3 });
    assertEquals((await generate(one, SOURCES, ONE)).z, (await generate(three, SOURCES, ONE)).z);
  });

  Deno.test(`${name}: candidate 3 of 5 is candidate 3 of 50`, async () => {
    for (const dtype of ["f32", "bf16"] as const) {
      using denoiser = await sampleDenoiser(network, { ...F32, dtype });
      const sources = SOURCES.slice(0, 2);
      const five = await generate(denoiser, sources, { ...ONE, candidates: 5 });
      const fifty = await generate(denoiser, sources, { ...ONE, candidates: 50 });
      const alone = await generate(denoiser, sources, { ...ONE, firstCandidate: 3 });
      for (const source of [0, 1]) {
        const expected = rowOf(fifty.z, source * 50 + 3, 100);
        assertEquals(rowOf(five.z, source * 5 + 3, 10), expected);
        assertEquals(rowOf(alone.z, source, 2), expected);
      }
    }
  });

  Deno.test(`${name}: the portable path gives the same tokens in any batch`, async () => {
    using denoiser = await sampleDenoiser(network, { ...F32, threads: 1 });
    const portable = { ...ONE, portable: true };
    const together = await generate(denoiser, SOURCES, portable);
    const fused = await generate(denoiser, SOURCES, ONE);
    assertEquals(together.ids, fused.ids);
    for (const [row, source] of SOURCES.entries()) {
      const { ids } = await generate(denoiser, [source], portable);
      assertEquals(ids, rowOf(together.ids, row, SOURCES.length));
    }
  });
}

for (const network of NETWORKS) {
  Deno.test(`NativeGeneration.shrink() drops slots of a ${network.time_conditioning} network and leaves those before them to attend to`, async () => {
    using denoiser = await sampleDenoiser(network);
    const start = () =>
      denoiser.start(batchOf(SOURCES.slice(0, 2)), { ...ONE, candidates: 1, noiseScale: 1 });
    using shrunk = await start();
    using whole = await start();
    const [step] = sampleSteps(8, false);
    shrunk.shrink(Int32Array.of(5, 8));
    await shrunk.step(step!);
    await whole.step(step!);
    const width = 8 * network.embedding_size;
    const [z, all] = [readLatents(shrunk, network), readLatents(whole, network)];
    assertEquals(z.subarray(width), all.subarray(width), "a row that keeps its slots is untouched");
    const kept = 5 * network.embedding_size;
    assert(z.subarray(0, kept).some((x, i) => x !== all[i]), "fewer slots are attended to");
    assert(z.subarray(kept, width).every((x) => x === 0), "dropped slots read as 0");
    const ids = await shrunk.tokens("z");
    assertEquals([...ids.subarray(5, 8)], [-1, -1, -1]);
    assert([...ids.subarray(0, 5), ...ids.subarray(8)].every((id) => id >= 0));

    // What is left is what a batch of that many slots computes.
    using short = await denoiser.start(batchOf(SOURCES.slice(0, 1)), {
      ...ONE,
      slots: 5,
      noiseScale: 1,
    });
    await short.step({
      ...step!,
      timesteps: step!.timesteps.slice(0, 5),
      inputScale: step!.inputScale.slice(0, 5),
      coefficients: step!.coefficients.slice(0, 20),
      atRest: step!.atRest.slice(0, 5),
    });
    assertEquals(readLatents(short, network), z.slice(0, kept));

    const error = assertThrows(() => shrunk.shrink(Int32Array.of(6, 8)), NativeError);
    assertEquals(error.message, "Active slot count is 6: expected 1 to 5");
  });
}

Deno.test("NativeGeneration.setPresent() leaves slots waiting, who come in later as they were", async () => {
  const network = NETWORKS[0]!;
  const width = network.embedding_size;
  using denoiser = await sampleDenoiser(network);
  const sources = batchOf(SOURCES.slice(0, 2));
  const [step, next] = sampleSteps(8, false);
  for (const portable of [false, true]) {
    const options = { ...ONE, portable, candidates: 1, noiseScale: 1 };
    using batch = await denoiser.start(sources, options);
    using whole = await denoiser.start(sources, options);
    using short = await denoiser.start(sources, { ...options, slots: 5 });
    const noise = readLatents(batch, network);
    const few = (values: Float32Array, row: number, slots: number) =>
      values.slice(row * slots * width, (row * slots + 5) * width);

    batch.setPresent(5);
    const nearest = new Int32Array(2 * 8);
    await batch.step({ ...step!, round: true, roundAll: true, nearest });
    await short.step({
      ...step!,
      round: true,
      timesteps: step!.timesteps.slice(0, 5),
      inputScale: step!.inputScale.slice(0, 5),
      coefficients: step!.coefficients.slice(0, 20),
      atRest: step!.atRest.slice(0, 5),
    });
    const z = readLatents(batch, network), five = readLatents(short, network);
    for (const row of [0, 1]) {
      // What is present is what a batch of that many slots computes; the others stay as they were.
      assertEquals(few(z, row, 8), few(five, row, 5));
      const waiting = [(row * 8 + 5) * width, (row * 8 + 8) * width] as const;
      assertEquals(z.subarray(...waiting), noise.subarray(...waiting));
      assertEquals([...nearest.subarray(row * 8 + 5, row * 8 + 8)], [-1, -1, -1]);
    }

    batch.setPresent(8);
    const predicted = new Float32Array(z.length);
    batch.read("x0", predicted);
    whole.write("x0", predicted);
    whole.write("z", z);
    await batch.step(next!);
    await whole.step(next!);
    assertEquals(readLatents(batch, network), readLatents(whole, network));
    assert((await batch.tokens("z")).every((id) => id >= 0));
    const error = assertThrows(() => batch.setPresent(9), NativeError);
    assertEquals(error.message, "Number of present slots is 9: expected 1 to 8");
  }
});

Deno.test("NativeGeneration.tokens() gives the log-probability of each token", async () => {
  using denoiser = await sampleDenoiser(NETWORKS[0]!);
  using batch = await denoiser.start(batchOf(SOURCES), { ...ONE, noiseScale: 1 });
  for (const step of sampleSteps(8, true)) await batch.step(step);
  const found = new Float32Array(batch.rows * 8);
  const ids = await batch.tokens("x0", found);
  const logits = new Float32Array(batch.rows * 8 * 101);
  batch.read("logits", logits);
  ids.forEach((id, slot) => {
    const row = logits.subarray(slot * 101, (slot + 1) * 101);
    assertEquals(row.indexOf(Math.max(...row)), id);
    const total = row.reduce((sum, x) => sum + Math.exp(x - row[id]!), 0);
    assert(Math.abs(found[slot]! + Math.log(total)) < 1e-4);
  });
});

Deno.test("NativeGeneration.step() gives the log-probability of what slots that move are rounded to", async () => {
  for (const network of NETWORKS) {
    for (const portable of [false, true]) {
      using denoiser = await sampleDenoiser(network);
      using batch = await denoiser.start(batchOf(SOURCES), { ...ONE, portable, noiseScale: 1 });
      const step = { ...sampleSteps(8, true)[1]!, byLogits: true };
      step.atRest.set([0, 1, 0, 0, 1, 0, 0, 0]);
      await batch.step({ ...step, round: false, predictOnly: true });
      const before = new Float32Array(batch.rows * 8);
      const ids = await batch.tokens("x0", before);
      const previous = readLatents(batch, network, "x0").fill(0); // self-conditioning
      batch.write("x0", previous);
      const logProbability = new Float32Array(batch.rows * 8).fill(7);
      const nearest = new Int32Array(batch.rows * 8);
      await batch.step({ ...step, nearest, roundAll: true, logProbability });
      assertEquals(nearest, ids);
      for (const [i, value] of logProbability.entries()) {
        const expected = step.atRest[i % 8] === 1 ? 7 : before[i]!;
        assert(Math.abs(value - expected) < 1e-5, `slot ${i}: ${value}, not ${expected}`);
      }
    }
  }
});

Deno.test("NativeGeneration.write() replaces what the next step reads", async () => {
  const network = NETWORKS[0]!;
  using denoiser = await sampleDenoiser(network);
  using batch = await denoiser.start(batchOf([[1], [2]]), { ...ONE, noiseScale: 1 });
  const z = readLatents(batch, network).map((x) => x / 2);
  batch.write("z", z);
  assertEquals(readLatents(batch, network), z);
  const [step] = sampleSteps(8, false);
  await batch.step({ ...step!, predictOnly: true });
  assertEquals(readLatents(batch, network), z);
  const prediction = readLatents(batch, network, "x0");
  batch.write("x0", prediction.map((x) => x + 1)); // self-conditioning
  await batch.step({ ...step!, predictOnly: true });
  assert(readLatents(batch, network, "x0").some((x, i) => x !== prediction[i]));
  z[3] = NaN;
  const error = assertThrows(() => batch.write("z", z), UserError, "State value 3 is not finite");
  assertEquals(error.exitCode, ExitCode.model);
});

Deno.test("NativeGeneration refuses wrong arguments with the shim's own words", async () => {
  using denoiser = await sampleDenoiser(NETWORKS[0]!);
  const start = (sources: number[][], options = {}) =>
    denoiser.start(batchOf(sources), { ...ONE, noiseScale: 1, ...options });
  const refused = async (call: () => Promise<unknown>, message: string) => {
    const error = await assertRejects(call, NativeError, message);
    assertEquals(error.status, Status.invalidArgument);
  };
  await refused(() => start([[101]]), "Token id 101 of source 0 is outside the vocabulary of 101");
  await refused(() => start([[1], []]), "Source 1 has no unmasked token");
  await refused(() => start([[1]], { slots: 17 }), "Number of slots is 17: expected 1 to 16");
  await refused(() => start([[1]], { candidates: 0 }), "Number of candidates is 0");
  await refused(() => start([[1]], { noiseScale: NaN }), "Noise scale is not finite");
  using batch = await start([[1], [2]]);
  const [step] = sampleSteps(8, true);
  await refused(() => batch.step({ ...step!, index: -1 }), "Step is -1");
  await refused(() => batch.step({ ...step!, rows: 3 }), "Plan has 3 rows: expected 1 or 2");
  const damaged = step!.timesteps.with(2, NaN) as Float32Array<ArrayBuffer>;
  await refused(() => batch.step({ ...step!, timesteps: damaged }), "Plan entry 2 is not finite");
  const error = assertThrows(() => batch.read("z", new Float32Array(3)), NativeError);
  assertEquals(error.message, "State 0 has 192 values, but 3 were given");
});

testOnOtherKernels(import.meta.url);
