/** One batch through the reverse process: sources of the same number of slots, to candidates. */
import type { SamplingPlan } from "../diffusion/plan.ts";
import type { GenerationSeconds, GenerationStep } from "../native/generation.ts";
import type { Model, PlanOptions } from "./model.ts";
import { padSources, type Source } from "./source.ts";
import { decodeTarget, sentenceLength } from "./target.ts";

/** How a batch is sampled. */
export interface SampleOptions extends PlanOptions {
  /** Candidates K of each source. */
  readonly candidates: number;
  readonly seed: bigint;
  /** Replace predictions by their nearest embedding before each update. */
  readonly rounding: boolean;
  /** Rows that go through the network at once; more candidates are split. */
  readonly maxRows: number;
  /** Whether the model's confidence is computed. */
  readonly confidence: boolean;
}

/** A generated sentence. */
export interface Candidate {
  readonly text: string;
  /** Mean log-probability of the tokens up to the end token, from the last prediction. */
  readonly logProbability?: number;
}

/** The candidates of each source, and the time their batch took. */
export interface SampleResult {
  readonly candidates: Candidate[][];
  readonly seconds: GenerationSeconds;
}

/** Step m of a plan, as the native step takes it. */
export function stepOf(plan: SamplingPlan, m: number): Omit<GenerationStep, "round"> {
  const { slots } = plan;
  const range = [m * slots, (m + 1) * slots] as const;
  return {
    index: m,
    rows: 1,
    timesteps: plan.timesteps.subarray(...range),
    inputScale: plan.inputScale.subarray(...range),
    coefficients: plan.coefficients.subarray(4 * range[0], 4 * range[1]),
    atRest: plan.atRest.subarray(...range),
  };
}

/** Generates all candidates of sources that have the same number of slots. */
export async function sample(
  model: Model,
  sources: readonly Source[],
  options: SampleOptions,
): Promise<SampleResult> {
  const candidates: Candidate[][] = sources.map(() => []);
  const total = { encoder: 0, network: 0, rounding: 0, update: 0 };
  const share = Math.max(1, Math.floor(options.maxRows / sources.length));
  for (let first = 0; first < options.candidates; first += share) {
    const count = Math.min(share, options.candidates - first);
    const seconds = await sampleShare(model, sources, first, count, options, candidates);
    for (const part of ["encoder", "network", "rounding", "update"] as const) {
      total[part] += seconds[part];
    }
  }
  return { candidates, seconds: total };
}

/** Candidates first, ..., first + count - 1 of each source, appended to `candidates`. */
async function sampleShare(
  model: Model,
  sources: readonly Source[],
  first: number,
  count: number,
  options: SampleOptions,
  candidates: Candidate[][],
): Promise<GenerationSeconds> {
  const { text, diffusion } = model.config;
  const slots = sources[0]!.slots;
  const plan = model.plan(slots, options);
  using batch = await model.denoiser.start(padSources(sources, text.pad_id), {
    candidates: count,
    firstCandidate: first,
    slots,
    seed: options.seed,
    noiseScale: diffusion.noise_factor,
    portable: false,
  });
  for (let m = 0; m < plan.evaluations; m++) {
    await batch.step({ ...stepOf(plan, m), round: options.rounding });
  }
  const logProbability = options.confidence ? new Float32Array(batch.rows * slots) : undefined;
  const ids = await batch.tokens("z", logProbability);
  for (let row = 0; row < batch.rows; row++) {
    const tokens = ids.subarray(row * slots, (row + 1) * slots);
    const candidate: Candidate = { text: decodeTarget(tokens, model.tokenizer, text) };
    candidates[Math.floor(row / count)]!.push(
      logProbability === undefined ? candidate : {
        ...candidate,
        logProbability: meanOf(
          logProbability.subarray(row * slots, (row + 1) * slots),
          Math.min(slots, sentenceLength(tokens, text) + 1), // the end token counts
        ),
      },
    );
  }
  return batch.seconds();
}

function meanOf(values: Float32Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  return sum / count;
}
