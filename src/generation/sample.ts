/** One batch through the reverse process: sources of the same number of slots, to candidates. */
import { processOf } from "../diffusion/process.ts";
import type { SamplingPlan } from "../diffusion/plan.ts";
import type { GenerationSeconds, GenerationStep, NativeGeneration } from "../native/generation.ts";
import { type Clamp, type ClampedLine, clampedText } from "./clamp.ts";
import { ClampedRows } from "./clamped_rows.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { GRID_STEPS } from "./choices.ts";
import type { GenerationValues } from "./options.ts";
import { dropShare, EndTracker } from "./settle.ts";
import { SlotSettler } from "./slot_settler.ts";
import { padSources, type Source } from "./source.ts";
import { decodeTarget, sentenceLength } from "./target.ts";
import { type Trace, TraceRecorder } from "./trace.ts";

/** How a batch is sampled. */
export interface SampleOptions extends Omit<GenerationValues, "utility"> {
  /** Rows that go through the network at once; more candidates are split. */
  readonly maxRows: number;
  /** Whether the model's confidence is computed. Default false. */
  readonly confidence?: boolean;
  /** Whether it is recorded how each candidate settles. Default false. */
  readonly trace?: boolean;
}

/** A generated sentence. */
export interface Candidate {
  /** Network calls that it took; those of a grid are planned, and fewer are made where all has ended. */
  readonly calls: number;
  /** Its text. */
  readonly text: string;
  /**
   * The model's confidence: the mean over slots, up to the end token, of the log-probability of the
   * slot's token under the prediction that it last moved by, as that was before rounding. In the
   * shifted layout the mean of the exact log-probabilities of the text's tokens.
   */
  readonly logProbability?: number;
  /** How many tokens that is the mean of. */
  readonly length?: number;
  /** How it settled, where that was recorded. */
  readonly trace?: Trace;
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

/** A source, and what is known of its text: undefined for nothing. */
interface GridSource {
  readonly source: Source;
  readonly clamped: ClampedLine | undefined;
}

/** A source with one of the widths that the gaps of its text may have. */
interface Variant extends GridSource {
  readonly clamp: Clamp | undefined;
}

/**
 * Generates all candidates of sources that have the same number of slots. Where gaps may have one of
 * several widths, a candidate is of the width that the model is surest of.
 *
 * @param signal ends the run between two network calls: its reason is thrown
 */
export async function sample(
  model: LoadedModel,
  inputs: readonly GridSource[],
  options: SampleOptions,
  signal?: AbortSignal,
): Promise<SampleResult> {
  const variants = inputs.flatMap((input): Variant[] =>
    (input.clamped?.variants ?? [undefined]).map((clamp) => ({ ...input, clamp }))
  );
  const asked = { ...options, confidence: options.confidence || variants.length > inputs.length };
  const seconds = { encoder: 0, network: 0, rounding: 0, update: 0 };
  const made: Candidate[][] = [];
  for (let first = 0; first < variants.length; first += options.maxRows) {
    const some = variants.slice(first, first + options.maxRows);
    const result = await sampleVariants(model, some, asked, signal);
    made.push(...result.candidates);
    for (const part of ["encoder", "network", "rounding", "update"] as const) {
      seconds[part] += result.seconds[part];
    }
  }
  const candidates = inputs.map(({ clamped }) =>
    surest(made.splice(0, clamped?.variants.length ?? 1))
  );
  if (options.confidence) return { candidates, seconds };
  // What was needed to choose a width for some lines is not to be seen with others of their batch.
  const plain = candidates.map((list) =>
    list.map(({ logProbability: _p, length: _l, ...candidate }) => candidate)
  );
  return { candidates: plain, seconds };
}

/** Of each candidate the variant that the model is surest of. */
function surest([first, ...others]: readonly Candidate[][]): Candidate[] {
  return first!.map((candidate, k) =>
    others.reduce(
      (best, other) => other[k]!.logProbability! > best.logProbability! ? other[k]! : best,
      candidate,
    )
  );
}

async function sampleVariants(
  model: LoadedModel,
  variants: readonly Variant[],
  options: SampleOptions,
  signal: AbortSignal | undefined,
): Promise<SampleResult> {
  const candidates: Candidate[][] = variants.map(() => []);
  const seconds = { encoder: 0, network: 0, rounding: 0, update: 0 };
  const share = Math.max(1, Math.floor(options.maxRows / variants.length));
  for (let first = 0; first < options.candidates; first += share) {
    const count = Math.min(share, options.candidates - first);
    const rows = await sampleRows(model, variants, { first, count }, options, signal);
    rows.candidates.forEach((candidate, row) =>
      candidates[Math.floor(row / count)]!.push(candidate)
    );
    for (const part of ["encoder", "network", "rounding", "update"] as const) {
      seconds[part] += rows.seconds[part];
    }
  }
  return { candidates, seconds };
}

/** Candidates first, ..., first + count - 1 of each source, those of a source together. */
async function sampleRows(
  model: LoadedModel,
  variants: readonly Variant[],
  { first, count }: { readonly first: number; readonly count: number },
  options: SampleOptions,
  signal: AbortSignal | undefined,
): Promise<{ candidates: Candidate[]; seconds: GenerationSeconds }> {
  const { text, diffusion } = model.config;
  const sources = variants.map(({ source }) => source);
  const slots = sources[0]!.slots;
  const steps = options.steps === "auto" ? GRID_STEPS : options.steps;
  const plan = model.plan(slots, { ...options, steps });
  const process = processOf(diffusion);
  using batch = await model.denoiser.start(padSources(sources, text.pad_id), {
    candidates: count,
    firstCandidate: first,
    slots,
    seed: options.seed,
    noiseScale: diffusion.noise_factor,
    portable: false,
  });
  const share = dropShare(options.dropSettled, text);
  const ends = share === undefined ? undefined : new EndTracker(batch.rows, slots, {
    endId: text.eos_id,
    maxTimestep: share * (diffusion.steps - 1),
  });
  const recorder = options.trace ? new TraceRecorder(batch.rows, plan) : undefined;
  const settler = options.skip === "adaptive"
    ? new SlotSettler(
      batch.rows,
      slots,
      text.eos_id,
      (row) => variants[Math.floor(row / count)]!.clamped?.rule !== undefined,
    )
    : undefined;
  const logProbability = options.confidence || settler || options.trace
    ? new Float32Array(batch.rows * slots)
    : undefined;
  const clamps = variants.some(({ clamp }) => clamp !== undefined)
    ? clampedRows(model, variants, count, slots)
    : undefined;
  const follow = clamps !== undefined || ends !== undefined || recorder !== undefined ||
    settler !== undefined;
  for (let m = 0; m < plan.evaluations; m++) {
    signal?.throwIfAborted();
    const planned = { ...stepOf(plan, m), byLogits: text.rounding === "logits" };
    const step = settler?.apply(planned, process) ?? planned;
    batch.setPresent(plan.present[m]!);
    const take = () => takeStep(batch, step, options, follow, logProbability);
    const predicted = clamps === undefined
      ? await take()
      : await clamps.step(batch, step, take, logProbability);
    if (predicted === undefined) continue;
    recorder?.record(m, predicted);
    const timesteps = plan.from.subarray(m * slots, (m + 1) * slots);
    if (ends?.observe(predicted, timesteps, planned.atRest)) batch.shrink(ends.active);
    settler?.observe(predicted, logProbability!, step.atRest);
    if (settler?.done) break;
    // Nothing that is left can change: the other calls would only be looked at.
    if (
      recorder === undefined && ends !== undefined && isAtRest(plan, m, Math.max(...ends.active))
    ) break;
  }
  const ids = await batch.tokens("z");
  const candidates = Array.from({ length: batch.rows }, (_, row): Candidate => {
    const range = [row * slots, (row + 1) * slots] as const;
    const tokens = ids.subarray(...range);
    const { clamp, clamped } = variants[Math.floor(row / count)]!;
    if (clamp !== undefined && clamps !== undefined) {
      for (const slot of tokens.keys()) {
        const taken = clamps.tokens[range[0] + slot]!;
        if (taken !== -1 && tokens[slot] !== -1) tokens[slot] = taken;
      }
    }
    const length = Math.min(slots, sentenceLength(tokens, text) + 1); // the end token counts
    const counted = [...tokens.keys()].slice(0, length)
      .filter((slot) => (clamp?.known[slot] ?? -1) === -1);
    return {
      text: clamp === undefined
        ? decodeTarget(tokens, model.tokenizer, text)
        : clampedText(model, tokens, clamp, clamped?.template),
      calls: settler?.calls[row] ?? plan.evaluations,
      ...(options.confidence && logProbability && {
        logProbability: meanOf(counted.map((slot) => logProbability[range[0] + slot]!)),
        length: counted.length,
      }),
      ...(recorder && {
        trace: {
          ...recorder.traces[row]!,
          probabilities: logProbability!.subarray(...range).map(Math.exp),
        },
      }),
    };
  });
  return { candidates, seconds: batch.seconds() };
}

/** Whether the first slots have all arrived at timestep 0 after a step. */
function isAtRest({ to, slots }: SamplingPlan, m: number, count: number): boolean {
  return to.subarray(m * slots, m * slots + count).every((timestep) => timestep === 0);
}

/**
 * Takes a step; the tokens of its predictions, [R, N], -1 for slots left out, where they are wanted.
 *
 * @param logProbability [R, N], receives that of the tokens of slots that move
 */
async function takeStep(
  batch: NativeGeneration,
  step: Omit<GenerationStep, "round">,
  { rounding, trace = false }: SampleOptions,
  follow: boolean,
  logProbability: Float32Array<ArrayBuffer> | undefined,
): Promise<Int32Array | undefined> {
  if (rounding) {
    const nearest = follow ? new Int32Array(batch.rows * batch.slots) : undefined;
    await batch.step({
      ...step,
      round: true,
      roundAll: trace,
      ...(nearest && { nearest }),
      ...(logProbability && { logProbability }),
    });
    return nearest;
  }
  await batch.step({ ...step, round: false });
  if (logProbability !== undefined) {
    const predicted = new Float32Array(logProbability.length);
    const tokens = await batch.tokens("x0", predicted);
    for (const [i, value] of predicted.entries()) {
      if (step.atRest[i % batch.slots] === 0) logProbability[i] = value;
    }
    return tokens;
  }
  return follow ? await batch.tokens("x0") : undefined;
}

/** What is known of the rows of a batch. */
function clampedRows(
  { denoiser, config: { text } }: LoadedModel,
  variants: readonly Variant[],
  count: number,
  slots: number,
): ClampedRows {
  const nothing = { known: new Int32Array(slots).fill(-1), rule: undefined };
  const rows = variants.flatMap(({ clamp, clamped }) => {
    const row = clamp === undefined ? nothing : { known: clamp.known, rule: clamped?.rule };
    return Array<typeof row>(count).fill(row);
  });
  return new ClampedRows(rows, slots, {
    table: denoiser.tokenTable,
    special: [text.eos_id, text.pad_id, ...text.bos_id === null ? [] : [text.bos_id]],
    endId: text.eos_id,
  });
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
