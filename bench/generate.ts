/** Our generation with the weights, sources and noise of a baseline folder, step by step. */

import process from "node:process";
import { Denoiser } from "../src/denoiser/denoiser.ts";
import { type SamplingPlan, samplingPlan } from "../src/diffusion/plan.ts";
import { processOf } from "../src/diffusion/process.ts";
import { stepOf } from "../src/generation/sample.ts";
import { type GoldenFile, GoldenFolder, goldenSources } from "../src/golden/folder.ts";
import type { NativeGeneration, SourceBatch } from "../src/native/generation.ts";
import type { Dtype } from "../src/native/model.ts";
import type { StepTime } from "./baseline.ts";

/** What both implementations are given. */
export class Workload {
  readonly folder: GoldenFolder;
  readonly sources: SourceBatch;
  readonly rows: number;
  readonly slots: number;
  readonly width: number;
  readonly plan: SamplingPlan;
  readonly initialNoise: Float32Array<ArrayBuffer>;
  readonly #stepNoise: Float32Array<ArrayBuffer>;

  /** Reads a folder that `pytorch_baseline.py prepare` wrote. */
  constructor(path: string) {
    this.folder = new GoldenFolder(path);
    const inputs = this.folder.file("inputs.safetensors") as GoldenFile;
    this.sources = goldenSources(inputs);
    [this.rows = 0, this.slots = 0, this.width = 0] = inputs.shape("initial_noise");
    this.initialNoise = inputs.floats("initial_noise");
    this.#stepNoise = inputs.floats("step_noise");
    const { diffusion, evaluations } = this.folder.config;
    this.plan = samplingPlan(processOf(diffusion), {
      slots: this.slots,
      evaluations,
      grid: "even",
      sampler: "posterior",
      eta: 0,
    });
  }

  /** The recorded noise of step m, [B, N, C]. */
  noise(m: number): Float32Array<ArrayBuffer> {
    const size = this.initialNoise.length;
    return this.#stepNoise.subarray(m * size, (m + 1) * size);
  }

  /** Unmasked source tokens of all rows. */
  get sourceTokens(): number {
    return this.sources.mask.reduce((sum, bit) => sum + bit, 0);
  }

  /** The folder's network on the CPU. */
  denoiser(dtype: Dtype, threads: number): Promise<Denoiser> {
    return this.folder.denoiser({ device: { kind: "cpu", index: 0 }, dtype, threads });
  }
}

/** One run of a workload. */
export class Run implements Disposable {
  readonly #batch: NativeGeneration;
  readonly #workload: Workload;
  /** [M, B, N] ids that predictions were rounded to, -1 where a slot was at rest. */
  readonly rounded: Int32Array<ArrayBuffer>;

  private constructor(workload: Workload, batch: NativeGeneration) {
    this.#workload = workload;
    this.#batch = batch;
    this.rounded = new Int32Array(workload.plan.evaluations * workload.rows * workload.slots);
  }

  /** Encodes the sources and sets the recorded initial noise. */
  static async start(workload: Workload, denoiser: Denoiser): Promise<Run> {
    const batch = await denoiser.start(workload.sources, {
      candidates: 1,
      firstCandidate: 0,
      slots: workload.slots,
      seed: 0n,
      noiseScale: 1,
      portable: false,
    });
    batch.write("z", workload.initialNoise);
    return new Run(workload, batch);
  }

  /** Milliseconds that encoding took. */
  get encoder(): number {
    return 1000 * this.#batch.seconds().encoder;
  }

  /** Takes step m, with recorded noise as the baseline does, or with our own. */
  async step(m: number, noise: "recorded" | "generated" = "recorded"): Promise<StepTime> {
    const { rows, slots, plan } = this.#workload;
    const before = this.#batch.seconds(), cpu = process.cpuUsage(), start = performance.now();
    await this.#batch.step({
      ...stepOf(plan, m),
      round: true,
      nearest: this.rounded.subarray(m * rows * slots, (m + 1) * rows * slots),
      ...(noise === "recorded" ? { noise: this.#workload.noise(m) } : {}),
    });
    const step = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu), after = this.#batch.seconds();
    return {
      step,
      network: 1000 * (after.network - before.network),
      rounding: 1000 * (after.rounding - before.rounding),
      update: 1000 * (after.update - before.update),
      cpu: (user + system) / 1000,
    };
  }

  /** The prediction of step m as it is before rounding, [B, N, C]; the run stays where it is. */
  async prediction(m: number): Promise<Float32Array> {
    await this.#batch.step({ ...stepOf(this.#workload.plan, m), round: false, predictOnly: true });
    const x0 = new Float32Array(this.#workload.initialNoise.length);
    this.#batch.read("x0", x0);
    return x0;
  }

  /** The tokens of the latents, and the milliseconds they took. */
  async tokens(): Promise<{ readonly ids: Int32Array; readonly milliseconds: number }> {
    const start = performance.now();
    const ids = await this.#batch.tokens("z");
    return { ids, milliseconds: performance.now() - start };
  }

  /** Milliseconds it takes to find the tokens of given vectors [B, N, C]. */
  async timeTokens(vectors: Float32Array<ArrayBuffer>): Promise<number> {
    this.#batch.write("x0", vectors);
    const before = this.#batch.seconds().rounding;
    await this.#batch.tokens("x0");
    return 1000 * (this.#batch.seconds().rounding - before);
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}
