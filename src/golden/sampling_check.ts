/**
 * Checks `sampling_plain` and `sampling_rounded`: whole trajectories from recorded noise, the final
 * token ids, and the step plan that the configuration leads to.
 */
import type { Denoiser } from "../denoiser/denoiser.ts";
import { samplingPlan } from "../diffusion/plan.ts";
import { processOf } from "../diffusion/process.ts";
import type { GenerationStep, SourceBatch } from "../native/generation.ts";
import type { GoldenFile, GoldenFolder } from "./folder.ts";
import { type ErrorMeasure, type Finding, shareDifferent } from "./report.ts";

/** How a trajectory is compared. */
interface SamplingCheckOptions {
  /** Whether predictions are rounded to the nearest embedding. */
  readonly rounded: boolean;
  readonly measure: ErrorMeasure;
  /** Largest error of latents and predictions. */
  readonly tolerance: number;
  /**
   * Whether ids must be equal, and each step starts from our own latents. In bfloat16 a step starts
   * from the recorded latents instead, since errors would add up over steps and choices flip.
   */
  readonly exact: boolean;
  readonly portable: boolean;
}

/** Runs a recorded trajectory step by step. */
export async function checkSampling(
  folder: GoldenFolder,
  denoiser: Denoiser,
  file: GoldenFile,
  sources: SourceBatch,
  options: SamplingCheckOptions,
): Promise<Finding[]> {
  const [steps = 0, rows = 0, slots = 0, width = 0] = file.shape("z");
  const from = perSlot(file.integers("from_timestep"), steps * rows, slots);
  const to = perSlot(file.integers("to_timestep"), steps * rows, slots);
  const z = file.floats("z");
  const predictions = file.floats("pred_x0");
  const noise = file.floats("step_noise");
  const size = rows * slots * width;
  using batch = await denoiser.start(sources, {
    candidates: 1,
    firstCandidate: 0,
    slots,
    seed: 0n,
    noiseScale: 0,
    portable: options.portable,
  });
  batch.write("z", file.floats("initial_noise"));
  let worstX0 = 0;
  let worstZ = 0;
  for (let step = 0; step < steps; step++) {
    if (!options.exact && step > 0) {
      batch.write("z", z.slice((step - 1) * size, step * size));
      batch.write("x0", predictions.slice((step - 1) * size, step * size));
    }
    if (!folder.config.self_conditioning_in_generation) batch.write("x0", new Float32Array(size));
    const range = [step * rows * slots, (step + 1) * rows * slots] as const;
    await batch.step({
      ...stepOf(folder, from.subarray(...range), to.subarray(...range), rows),
      index: step,
      round: options.rounded,
      roundAll: true,
      noise: noise.slice(step * size, (step + 1) * size),
    });
    const x0 = new Float32Array(size);
    batch.read("x0", x0);
    const latents = new Float32Array(size);
    batch.read("z", latents);
    const expectedX0 = predictions.subarray(step * size, (step + 1) * size);
    const expectedZ = z.subarray(step * size, (step + 1) * size);
    // Without exactness a rounded prediction may be another embedding: only equal ones tell.
    const same = (index: number): boolean => {
      if (options.exact || !options.rounded) return true;
      const first = index - index % width;
      for (let c = first; c < first + width; c++) {
        if (Math.abs(x0[c]! - expectedX0[c]!) > 1e-4) return false;
      }
      return true;
    };
    worstX0 = Math.max(worstX0, options.measure(x0, expectedX0, same));
    worstZ = Math.max(worstZ, options.measure(latents, expectedZ, same));
  }
  const tolerance = options.tolerance;
  const findings: Finding[] = [
    { file: file.name, what: "x0_hat of all steps", error: worstX0, tolerance },
    { file: file.name, what: "z after all steps", error: worstZ, tolerance },
  ];
  if (options.exact) {
    findings.push({
      file: file.name,
      what: "token ids",
      error: shareDifferent(await batch.tokens("z"), file.integers("token_ids")),
      tolerance: 0,
    });
  }
  findings.push({
    file: file.name,
    what: "timesteps planned from the configuration",
    error: shareDifferent(plannedTimesteps(folder, steps, rows, slots), [...from, ...to]),
    tolerance: 0,
  });
  return findings;
}

/** Values given per sentence, repeated for its slots; values per slot as they are. */
function perSlot(values: Int32Array<ArrayBuffer>, sentences: number, slots: number): Int32Array {
  if (values.length === sentences * slots) return values;
  return Int32Array.from({ length: sentences * slots }, (_, i) => values[Math.floor(i / slots)]!);
}

function stepOf(
  folder: GoldenFolder,
  from: Int32Array,
  to: Int32Array,
  rows: number,
): Omit<GenerationStep, "index" | "round"> {
  const process = processOf(folder.config.diffusion);
  const coefficients = new Float32Array(4 * from.length);
  const timesteps = new Float32Array(from.length);
  const atRest = new Uint8Array(from.length);
  from.forEach((start, i) => {
    const move = { previous: null, from: start, to: to[i]! };
    const c = process.coefficients(move, "posterior");
    coefficients.set([c.z, c.x0, c.noise, c.previousX0], 4 * i);
    timesteps[i] = process.scaledTimestep(start);
    atRest[i] = start === to[i] ? 1 : 0;
  });
  return {
    rows,
    timesteps,
    inputScale: new Float32Array(from.length).fill(1),
    coefficients,
    atRest,
  };
}

/** From and to timesteps [M,B,N] that generation itself would use. */
function plannedTimesteps(folder: GoldenFolder, steps: number, rows: number, slots: number) {
  const plan = samplingPlan(processOf(folder.config.diffusion), {
    slots,
    evaluations: steps,
    grid: "even",
    sampler: "posterior",
    eta: 0,
  });
  const spread = (values: Int32Array) =>
    Array.from(
      { length: steps },
      (_, step) =>
        Array.from({ length: rows }, () => [...values.subarray(step * slots, (step + 1) * slots)]),
    )
      .flat(2);
  return [...spread(plan.from), ...spread(plan.to)];
}
