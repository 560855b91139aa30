/** Measures a cell: generates for its test set, scores what comes, and says what it took. */
import { slotsFor } from "../denoiser/config.ts";
import { samplingPlan } from "../diffusion/plan.ts";
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import { GRID_STEPS } from "../generation/choices.ts";
import { GENERATION_DEFAULTS } from "../generation/generate.ts";
import { Model } from "../generation/mod.ts";
import { generationOptionsOf, loadOptionsOf } from "../generation/option_parts.ts";
import {
  defaultsOf,
  GENERATION_OPTIONS,
  type GenerationValues,
  LOAD_OPTIONS,
  type ValuesOf,
} from "../generation/options.ts";
import { processorSeconds } from "../host/processor.ts";
import { corpusBleu, sentenceBleu } from "../metrics/bleu.ts";
import { countCalls } from "../metrics/calls.ts";
import type { Metric } from "../metrics/metric_names.ts";
import { metricScores } from "../metrics/metric_scores.ts";
import type { CellOptions } from "./plan.ts";
import type { Measured, OutputRecord, TestRecord } from "./records.ts";

/** All options of a cell's generation. */
type FullOptions = GenerationValues & ValuesOf<typeof LOAD_OPTIONS>;

/** How a cell is measured. */
interface EvaluateCellOptions {
  /** The model's folder. */
  readonly model: string;
  readonly generation: CellOptions;
  readonly testSet: readonly TestRecord[];
  readonly metrics: readonly Metric[];
  /** Whether nothing else is at work in this process. */
  readonly alone: boolean;
  readonly signal: AbortSignal;
  /** Told after each line. */
  readonly onLine: () => void;
}

/** What came out. */
interface Evaluation {
  readonly measured: Measured;
  readonly outputs: readonly OutputRecord[];
  readonly options: FullOptions;
}

/**
 * Generates and scores. Before time is taken, one line goes through the network.
 *
 * @throws {UserError} where the model cannot be loaded or cannot do what is asked for
 */
export async function evaluateCell(request: EvaluateCellOptions): Promise<Evaluation> {
  const { testSet, signal } = request;
  const options: FullOptions = {
    ...GENERATION_DEFAULTS,
    ...defaultsOf({ ...GENERATION_OPTIONS, ...LOAD_OPTIONS }),
    ...request.generation,
  };
  using model = await Model.load(request.model, loadOptionsOf(options));
  const generation = { ...generationOptionsOf(options), maxWait: 0 };
  const sources = testSet.map(({ source }) => source);
  for await (const _ of model.generate(sources.slice(0, 1), generation, signal));
  const outputs: OutputRecord[] = [];
  const began = { clock: performance.now(), processor: processorSeconds() };
  for await (const result of model.generate(sources, generation, signal)) {
    const candidates = result.candidates.map(({ text }) => text);
    outputs.push({
      text: result.text,
      calls: result.calls,
      ...candidates.length > 1 && { candidates },
    });
    request.onLine();
  }
  const seconds = (performance.now() - began.clock) / 1000;
  const processor = processorSeconds() - began.processor;
  const settled = settledShares(model, sources, options);
  return {
    outputs,
    options,
    measured: {
      segments: outputs.length,
      scores: scoresOf(outputs, testSet, request.metrics),
      calls: countCalls(outputs.map(({ calls }) => calls)),
      seconds,
      processorSeconds: request.alone ? processor : null,
      residentBytes: Deno.memoryUsage().rss,
      ...options.candidates > 1 && { candidates: describeCandidates(outputs, testSet) },
      ...settled && { settled },
    },
  };
}

function scoresOf(
  outputs: readonly OutputRecord[],
  testSet: readonly TestRecord[],
  metrics: readonly Metric[],
): Measured["scores"] {
  const candidates = outputs.flatMap(({ candidates }) =>
    candidates === undefined ? [] : [candidates]
  );
  if (metrics.includes("self-bleu") && candidates.length === 0 && outputs.length < 2) {
    throw new UserError(
      ExitCode.model,
      `Cannot compute self-bleu of ${outputs.length} output: expected more lines, or more candidates`,
    );
  }
  const input = {
    hypotheses: outputs.map(({ text }) => text),
    references: testSet.map(({ references }) => references),
    sources: testSet.map(({ source }) => source),
    ...candidates.length > 0 && { candidates },
  };
  return metricScores(input, metrics).map(({ metric, name, score, signature }) => ({
    metric,
    name,
    score,
    signature,
  }));
}

/** How many candidates of a line differ, and what choosing the best one would give. */
function describeCandidates(outputs: readonly OutputRecord[], testSet: readonly TestRecord[]) {
  const sets = outputs.map(({ candidates, text }) => candidates ?? [text]);
  const references = testSet.map((line) => line.references);
  const best = sets.map((texts, line) => {
    const scores = texts.map((text) => sentenceBleu(text, references[line]!).score);
    return texts[scores.indexOf(Math.max(...scores))]!;
  });
  return {
    distinct: sets.reduce((sum, texts) => sum + new Set(texts).size, 0) / sets.length,
    oracleBleu: corpusBleu(best, references).score,
  };
}

/** Where calls follow a grid, the mean share of slots that are at timestep 0 after each of them. */
function settledShares(
  { config, tokenizer }: Model,
  sources: readonly string[],
  { steps, grid, sampler, eta, skip }: FullOptions,
): number[] | undefined {
  if (config.network.shifted || skip === "adaptive") return undefined;
  const process = processOf(config.diffusion);
  const evaluations = steps === "auto" ? GRID_STEPS : steps;
  // One end token, and a start token where the model has one.
  const special = config.text.bos_id === null ? 1 : 2;
  const lengths = Map.groupBy(
    sources,
    (source) => slotsFor(config.text, tokenizer.encode(source).length + special),
  );
  const sums = new Array<number>(evaluations).fill(0);
  for (const [slots, lines] of lengths) {
    const { to } = samplingPlan(process, {
      slots,
      evaluations,
      grid: grid === "auto" ? config.diffusion.step_grid : grid,
      sampler,
      eta,
    });
    for (let call = 0; call < evaluations; call++) {
      const row = to.subarray(call * slots, (call + 1) * slots);
      sums[call]! += lines.length * row.filter((timestep) => timestep === 0).length / slots;
    }
  }
  return sums.map((sum) => sum / sources.length);
}
