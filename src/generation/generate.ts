/**
 * A stream of lines to a stream of results, in order, one result a line.
 *
 * Lines are read ahead, those with the same number of target slots go through the network together,
 * and the candidates of one batch are compared while the next is in the network. What comes out for a
 * line depends on the line, the seed and the options alone, never on the lines around it.
 */
import { ExitCode, UserError } from "../errors.ts";
import { SelectionPool } from "../mbr/pool.ts";
import type { GenerationSeconds } from "../native/generation.ts";
import type { Template } from "../text/holes.ts";
import {
  type ChoiceOptions,
  choose,
  needsConfidence,
  needsReverse,
  type ScoredCandidate,
  type SelectByUtility,
} from "./choose.ts";
import {
  asksForAnything,
  asksForSourceWords,
  type Constraints,
  constraintsOf,
  expectConstrainable,
  type GenerationRequest,
  withSourceWords,
} from "./constraints.ts";
import { type ClampedLine, clampedLine } from "./clamp.ts";
import { filled, questionOf } from "./gaps.ts";
import { LoadedModel } from "./loaded_model.ts";
import { mapBatches } from "./map_batches.ts";
import { defaultsOf, GENERATION_OPTIONS } from "./options.ts";
import { type Candidate, sample, type SampleOptions } from "./sample.ts";
import { sampleBeams } from "./sample_beams.ts";
import { sampleDrafts } from "./sample_drafts.ts";
import { scoreBackwards } from "./score_backwards.ts";
import { expectScores } from "./score_targets.ts";
import type { Selector } from "./selectors.ts";
import { encodeSource, type Source } from "./source.ts";

/** How a stream is generated. */
export interface GenerateOptions
  extends Omit<SampleOptions, "confidence">, Omit<ChoiceOptions, "select"> {
  /** Threads that compare candidates, where it takes long enough. Default 1: the caller's. */
  readonly mbrThreads?: number;
  /** Told what each batch took in the network, when it is through. */
  readonly onBatch?: (seconds: GenerationSeconds) => void;
}

/** What `ardiff generate` does unless it is told otherwise. */
export const GENERATION_DEFAULTS: GenerateOptions = {
  ...defaultsOf(GENERATION_OPTIONS),
  maxRows: 1024,
};

/** A line, alone or with what is asked of its text: that goes before the options. */
export type GenerationInput = string | GenerationRequest;

/** What became of a line. */
export interface GenerationResult {
  /** The input line. */
  readonly source: string;
  /** The chosen sentence, the first candidate where none is chosen; empty for a blank line. */
  readonly text: string;
  /** Index of the chosen candidate, null where all are results. */
  readonly chosen: number | null;
  /** All candidates; those of a blank line are empty and have no scores. */
  readonly candidates: readonly ScoredCandidate[];
  /** Network calls of the chosen candidate, or the most of any where all are results; 0 for a blank line. */
  readonly calls: number;
  /** Whether the line was over the model's source limit, or its prefix over that of targets. */
  readonly truncated: boolean;
}

/**
 * Generates for each line.
 *
 * @param signal ends the run: finished results still come, then its reason is thrown
 * @throws {RangeError} for a number of candidates, lines or rows that is no positive integer
 */
export async function* generate(
  model: LoadedModel,
  lines: Iterable<GenerationInput> | AsyncIterable<GenerationInput>,
  options: GenerateOptions,
  signal?: AbortSignal,
): AsyncGenerator<GenerationResult, void, undefined> {
  checkCounts(options);
  checkConstraints(model, options);
  const choosing = { ...options, select: selectorFor(model, options) };
  using reverse = await loadReverse(model, choosing);
  const drafting = drafts(model, options);
  // Rows that are done make room for others, of any length: the more there are, the fuller the calls.
  const batchSize = drafting
    ? Math.max(1, Math.floor(GROUP / options.beam)) * options.batchSize
    : options.batchSize;
  using pool = new SelectionPool(options.mbrThreads ?? 1);
  yield* mapBatches(
    encodeLines(model, lines, options),
    (batch, stopping) =>
      workOn(
        { model, reverse },
        batch,
        choosing,
        (...request) => pool.select(...request),
        stopping,
      ),
    {
      batchSize,
      window: options.window ?? 8 * options.batchSize,
      maxWait: options.maxWait,
      keyOf: ({ source }) => source === undefined ? 0 : drafting ? 1 : source.slots,
      ...(signal && { signal }),
    },
  );
}

/** What "auto" stands for: on development sets MBR gains nothing over what shifted models are sure of. */
function selectorFor(
  { config }: LoadedModel,
  { select, candidates, beam }: GenerateOptions,
): Selector {
  if (select !== "auto") return select;
  if (candidates === 1 || beam > 1) return "first";
  return config.network.shifted ? "confidence" : "mbr";
}

/** The model that reranking asks, undefined where it is not wanted. */
async function loadReverse(
  model: LoadedModel,
  options: GenerateOptions & ChoiceOptions,
): Promise<LoadedModel | undefined> {
  const { rerankModel } = options;
  if (!needsReverse(options)) {
    if (rerankModel === undefined) return undefined;
    throw new UserError(
      ExitCode.usage,
      `Cannot use --rerank-model "${rerankModel}" with --select ${options.select}: add --select rerank`,
    );
  }
  if (rerankModel === undefined) {
    throw new UserError(
      ExitCode.usage,
      'Cannot use --select "rerank" without a model from targets to sources: name it with --rerank-model',
    );
  }
  const reverse = await LoadedModel.load(rerankModel, model.loadOptions);
  expectScores(reverse, `rerank with "${rerankModel}"`);
  return reverse;
}

/** Lines of adaptive calls are worked on in groups of so many batches. */
const GROUP = 8;

/**
 * Whether a model's texts are drafted and verified, row by row.
 *
 * @throws {UserError} where the model cannot do what is asked for
 */
function drafts(
  { config }: LoadedModel,
  { skip }: Pick<SampleOptions, "skip">,
): boolean {
  const { shifted } = config.network;
  if (skip === "grid" && shifted) {
    throw new UserError(
      ExitCode.usage,
      'Cannot use --skip "grid": the slots of this model settle in one move, which no grid divides; ' +
        'use "adaptive", with --steps for a limit',
    );
  }
  return shifted;
}

/** Generates for lines that are all at hand. */
export function generateBatch(
  model: LoadedModel,
  lines: readonly GenerationInput[],
  options: GenerateOptions,
): Promise<GenerationResult[]> {
  return Array.fromAsync(generate(model, lines, options));
}

function checkCounts(options: GenerateOptions): void {
  for (const name of ["candidates", "batchSize", "maxRows"] as const) {
    const count = options[name];
    if (Number.isSafeInteger(count) && count >= 1) continue;
    throw new RangeError(`Cannot generate with ${name} ${count}: expected a positive integer`);
  }
}

/** @throws {UserError} for options that contradict each other, or that the model cannot keep to */
function checkConstraints(model: LoadedModel, options: GenerateOptions): void {
  expectConstrainable(model, options);
  checkBeams(options);
  const { minLength, maxLength } = options;
  if (maxLength === undefined || minLength <= maxLength) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot use --min-length ${minLength} with --max-length ${maxLength}: no text is as long as the ` +
      "one and as short as the other",
  );
}

/** @throws {UserError} for options that do not go with a beam search */
function checkBeams({ beam, candidates, draft, steps }: GenerateOptions): void {
  if (beam === 1) return;
  const refuse = (flag: string, reason: string): never => {
    throw new UserError(ExitCode.usage, `Cannot use ${flag} with --beam ${beam}: ${reason}`);
  };
  if (candidates > beam) {
    refuse(
      `--candidates ${candidates}`,
      `a search has as many texts as beams; ask for more of these`,
    );
  }
  if (draft !== "auto" && draft > 0) {
    refuse(`--draft ${draft}`, "a search goes on by one slot a call");
  }
  if (steps !== "auto") {
    refuse(`--steps ${steps}`, "a search goes on by one slot a call; --max-length is its limit");
  }
}

/** A line, as the network takes it unless it is blank. */
interface EncodedLine {
  readonly line: string;
  readonly source?: Source;
  readonly constraints: Constraints;
  /** What the candidates fill; undefined where they are whole texts. */
  readonly template?: Template;
  /** What is known of the text, for models whose slots settle together. */
  readonly clamped?: ClampedLine;
}

async function* encodeLines(
  model: LoadedModel,
  lines: Iterable<GenerationInput> | AsyncIterable<GenerationInput>,
  options: GenerateOptions,
): AsyncGenerator<EncodedLine, void, undefined> {
  const { tokenizer, config } = model;
  const common = constraintsOf(model, withSourceWords({ source: "" }, options), options);
  const { shifted } = config.network;
  /** Whether a line asks for nothing that is not in `common`. */
  const isPlain = (input: GenerationInput) => {
    if (typeof input === "string" && shifted) {
      return options.template === undefined && !asksForSourceWords(options);
    }
    const own = typeof input === "string" ? {} : input;
    return !shifted && !asksForAnything({ ...options, ...own });
  };
  for await (const input of lines) {
    const line = typeof input === "string" ? input : input.source;
    if (isPlain(input) || line.trim() === "") {
      yield line.trim() === ""
        ? { line, constraints: common }
        : { line, constraints: common, source: encodeSource(line, tokenizer, config.text) };
      continue;
    }
    const own = withSourceWords(typeof input === "string" ? { source: input } : input, options);
    expectConstrainable(model, { ...own, rounding: options.rounding });
    const { request, template } = questionOf(model, own, options);
    if (!shifted) {
      const source = encodeSource(request.source, tokenizer, config.text);
      const { cut, ...known } = clampedLine(model, source, request, options, template);
      yield { line, constraints: { ...common, cut }, ...known };
      continue;
    }
    yield {
      line,
      constraints: constraintsOf(model, request, options, template),
      source: encodeSource(request.source, tokenizer, config.text),
      ...(template && { template }),
    };
  }
}

/** A batch is blank lines, or lines of the same number of slots. */
async function workOn(
  { model, reverse }: { readonly model: LoadedModel; readonly reverse: LoadedModel | undefined },
  batch: readonly EncodedLine[],
  options: GenerateOptions & ChoiceOptions,
  selectByUtility: SelectByUtility,
  signal: AbortSignal,
): Promise<(GenerationResult | Promise<GenerationResult>)[]> {
  const sources = batch.flatMap(({ source }) => source ?? []);
  const inputs = batch.flatMap(({ source, constraints }) =>
    source === undefined ? [] : { source, constraints }
  );
  if (sources.length === 0) return batch.map(({ line }) => blankResult(line, options));
  const sampling = { ...options, confidence: needsConfidence(options) };
  const { candidates, seconds } = drafts(model, options)
    ? await (options.beam > 1 ? sampleBeams : sampleDrafts)(
      model,
      inputs,
      rowsAtOnce(options),
      sampling,
      signal,
    )
    : await sample(
      model,
      batch.flatMap(({ source, clamped }) => source === undefined ? [] : { source, clamped }),
      sampling,
      signal,
    );
  options.onBatch?.(seconds);
  const texts = candidates.map((list, i) => {
    const { template } = batch[i]!;
    return template === undefined ? list : filled(list, template);
  });
  const scored = reverse === undefined
    ? texts
    : await scoreBackwards(reverse, batch.map(({ line }) => line), texts, options, signal);
  return batch.map(async ({ line, constraints: { wanted } }, i) => {
    const choice = await choose(line, scored[i]!, options, selectByUtility, wanted);
    const text = choice.candidates[choice.chosen ?? 0]!.text;
    const calls = choice.chosen === null
      ? Math.max(...choice.candidates.map(({ calls }) => calls))
      : choice.candidates[choice.chosen]!.calls;
    return {
      source: line,
      text,
      ...choice,
      calls,
      truncated: sources[i]!.truncated || inputs[i]!.constraints.cut,
    };
  });
}

/** Rows in a call: all candidates of a batch's lines, but no more than fit. */
function rowsAtOnce({ batchSize, candidates, beam, maxRows }: GenerateOptions): number {
  return Math.min(batchSize * (beam > 1 ? beam : candidates), maxRows);
}

function blankResult(
  line: string,
  { candidates, select }: GenerateOptions & ChoiceOptions,
): GenerationResult {
  return {
    source: line,
    text: "",
    chosen: select === "all" ? null : 0,
    candidates: Array.from({ length: candidates }, (): Candidate => ({ text: "", calls: 0 })),
    calls: 0,
    truncated: false,
  };
}
