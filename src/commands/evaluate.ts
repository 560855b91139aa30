/** `ardiff evaluate`: scores the outputs of one or more systems, and says what the scores are. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { GenerationInput } from "../generation/generate.ts";
import { Model } from "../generation/mod.ts";
import { generationOptionsOf, loadOptionsOf } from "../generation/option_parts.ts";
import { type Demands, demandsOf } from "../generation/request_fields.ts";
import { tell } from "../host/messages.ts";
import { processorSeconds } from "../host/processor.ts";
import { ProgressBar } from "../host/progress_bar.ts";
import { parseCandidateLine } from "../mbr/candidate_lines.ts";
import {
  formatReport,
  formatSegments,
  type Metric,
  METRICS_OF_SETS,
  METRICS_WITH_REFERENCES,
  reportToJson,
  score,
  type ScoreInput,
  scoreNotices,
  type ScoreOptions,
  segmentSignatures,
  type System,
} from "../metrics/mod.ts";
import { printableLines } from "../printable.ts";
import { dataError, onOneLine, openFile, readDataLines } from "../text/data_lines.ts";
import { parseDataSpec } from "../text/data_spec.ts";
import { stringsOf } from "../text/json_paths.ts";
import type { Line } from "../text/lines.ts";
import { readPairs } from "../text/records.ts";
import { checkSelection, type ModelRunOptions } from "./generate.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions extends Partial<ScoreOptions> {
  /**
   * One file per system, an output a line; the second and later systems are compared with the
   * first. In a file named `*.jsonl` a line is an object with a string `text`, a list `candidates`
   * or both, of which `text` or else the first candidate is scored.
   */
  readonly hypotheses?: readonly string[];
  /** Generate outputs for the sources of `data`, once for each of these models: the first systems. */
  readonly models?: readonly string[];
  /** How they do. */
  readonly generation?: Omit<ModelRunOptions, "model">;
  /** One file per reference, line by line with the hypotheses. */
  readonly references?: readonly string[];
  /** JSON lines `{"source": ..., "references": [...]}` in the place of reference files. */
  readonly data?: string;
  /** Print JSON in the place of the table. */
  readonly json?: boolean;
}

/** The streams of the process, or of a test. */
interface EvaluateIo {
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void;
  /** Whether stderr is a terminal. Default false. */
  readonly interactive?: boolean;
}

/** Metrics computed where none are named: those that any test set with references allows. */
const DEFAULT_METRICS: readonly Metric[] = ["bleu", "chrf", "ter", "rouge"];

/**
 * Reads or generates outputs, reads what they are compared with, scores them and prints the scores.
 *
 * @throws {UserError} for a metric that lacks what it needs, for files that cannot be read or are
 * not UTF-8, for an empty file, and where numbers of lines differ
 */
export async function evaluate(options: EvaluateOptions, io: EvaluateIo): Promise<void> {
  checkRequest(options);
  const files = options.hypotheses ?? [];
  const systems = await readSystems(files);
  const { demands, ...testSet } = await readTestSet(options, systems[0]?.hypotheses.length);
  const first = options.references?.[0] ?? options.data ?? files[0]!;
  const segments = testSet.references?.length ?? systems[0]!.hypotheses.length;
  for (const [k, { hypotheses }] of systems.entries()) {
    checkCount(files[k]!, hypotheses.length, first, segments);
  }
  const generated: GeneratedSystem[] = [];
  const runs = runsOf(options);
  const names = systemNames(runs.map(({ model }) => model), modelName);
  const inputs = testSet.sources?.map((source, i) => ({
    ...demands?.[i],
    source: onOneLine(source),
  }));
  for (const [k, run] of runs.entries()) {
    generated.push(await generateSystem(run, names[k]!, inputs!, io));
  }
  systems.unshift(...generated.map(({ system }) => system));
  await printScores({ systems, ...testSet }, generated.map(({ run }) => run), options, io);
}

/** The models' runs: all with the same options. */
function runsOf({ models = [], generation }: EvaluateOptions): ModelRunOptions[] {
  return generation === undefined ? [] : models.map((model) => ({ ...generation, model }));
}

/** Resamples where two models or more are compared and no number is given. */
const COMPARING = 1000;

/** Options of the command that are none of the scores'. */
const OF_THE_COMMAND: readonly string[] = [
  "hypotheses",
  "models",
  "generation",
  "references",
  "data",
  "json",
];

function scoringOf(options: EvaluateOptions): Partial<ScoreOptions> {
  const all = Object.entries(options);
  return Object.fromEntries(all.filter(([name]) => !OF_THE_COMMAND.includes(name)));
}

/**
 * Scores outputs that are at hand and prints the scores as a table or as JSON, there with how the first
 * systems were generated.
 *
 * @throws {UserError} for Self-BLEU of a single output
 */
async function printScores(
  input: ScoreInput,
  runs: readonly ModelRun[],
  options: EvaluateOptions,
  io: EvaluateIo,
): Promise<void> {
  const metrics = options.metrics ?? DEFAULT_METRICS;
  const lone = input.systems.find(({ hypotheses, candidates }) =>
    !candidates && hypotheses.length < 2
  );
  if (lone && metrics.includes("self-bleu")) {
    throw new UserError(
      ExitCode.data,
      `Cannot compute Self-BLEU of "${lone.name}": expected two outputs or more, found one`,
    );
  }
  for (const notice of scoreNotices(input, metrics, options)) tell(io, `${notice}.`);
  const bootstrap = options.bootstrap ?? (runs.length > 1 ? COMPARING : 0);
  const report = score(input, { ...scoringOf(options), metrics, bootstrap });
  if (options.json) {
    const json = reportToJson(report) as { readonly systems: readonly object[] };
    const systems = json.systems.map((system, k) => ({
      ...system,
      ...runs[k] && { run: runs[k] },
    }));
    return await io.stdout(JSON.stringify({ ...json, systems }, undefined, 2) + "\n");
  }
  if (options.sentenceLevel) segmentSignatures(report).forEach((line) => void tell(io, line));
  await io.stdout(
    options.sentenceLevel ? formatSegments(report) : printableLines(formatReport(report)),
  );
}

/** Refuses what cannot be computed before any file is read. */
function checkRequest(options: EvaluateOptions): void {
  const usage = (message: string) => new UserError(ExitCode.usage, message);
  const { hypotheses = [], references, data, metrics = DEFAULT_METRICS } = options;
  const [run] = runsOf(options);
  if (hypotheses.length === 0 && run === undefined) {
    throw usage(
      "Cannot evaluate nothing: name a file of outputs with --hypotheses, or a model with --model",
    );
  }
  if (run !== undefined) {
    checkSelection(run);
    if (data === undefined) {
      throw usage(`Cannot generate with "${run.model}": give its sources with --data`);
    }
  }
  if (references?.length && data !== undefined && /\.(jsonl?|tsv|csv)$/.test(data)) {
    throw usage(
      "Cannot use --references and --data together: give the references once, or with --data a file " +
        "of sources alone, a line each",
    );
  }
  const comparing = metrics.find((metric) => METRICS_WITH_REFERENCES.includes(metric));
  if (comparing && !references?.length && data === undefined) {
    throw usage(
      `Cannot compute metric "${comparing}": give references with --references or --data`,
    );
  }
  const ofSets = metrics.find((metric) => METRICS_OF_SETS.includes(metric));
  if (options.sentenceLevel && ofSets !== undefined) {
    throw usage(
      `Cannot score single lines by metric "${ofSets}", which compares outputs with each other: ` +
        "leave it out of --metrics",
    );
  }
  if (options.sentenceLevel && options.bootstrap) {
    throw usage("Cannot resample single lines: leave out --bootstrap, or --sentence-level");
  }
  if (metrics.includes("coverage") && data === undefined) {
    throw usage('Cannot compute metric "coverage": give the sources of the outputs with --data');
  }
}

/** What outputs are compared with, and what each line asks of its text besides its source. */
interface TestSet extends Pick<ScoreInput, "references" | "sources"> {
  readonly demands?: readonly Demands[];
}

/**
 * What outputs are compared with: nothing, references, or references and sources.
 *
 * @param outputs their number, where it is known: a table with as many rows gives each its own
 *   output, though some have equal sources
 */
async function readTestSet(
  { references = [], data, models }: Pick<EvaluateOptions, "references" | "data" | "models">,
  outputs?: number,
): Promise<TestSet> {
  if (references.length === 0) {
    return data === undefined ? {} : await readExamples(data, models !== undefined, outputs);
  }
  const streams: string[][] = [];
  for (const path of references) {
    const lines = await readTexts(path);
    checkCount(path, lines.length, references[0]!, streams[0]?.length ?? lines.length);
    streams.push(lines);
  }
  const testSet = { references: streams[0]!.map((_, i) => streams.map((stream) => stream[i]!)) };
  if (data === undefined) return testSet;
  const sources = await readTexts(data);
  checkCount(data, sources.length, references[0]!, testSet.references.length);
  return { ...testSet, sources };
}

function checkCount(path: string, count: number, first: string, expected: number): void {
  if (count === expected) return;
  throw new UserError(
    ExitCode.data,
    `Cannot align "${path}" with "${first}": it has ${count} lines and the other ${expected}`,
  );
}

async function readSystems(paths: readonly string[]): Promise<System[]> {
  const names = systemNames(paths);
  const systems: System[] = [];
  for (const [k, path] of paths.entries()) {
    const outputs = path.endsWith(".jsonl")
      ? await readJsonOutputs(path)
      : { hypotheses: await readTexts(path) };
    systems.push({ name: names[k]!, ...outputs });
  }
  return systems;
}

/** How a system was generated, for those who want to do it again. */
interface ModelRun {
  /** The model's folder, as it was given. */
  readonly model: string;
  /** Of the noise, as text: it has 64 bits. */
  readonly seed: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of generating, loading not counted. */
  readonly seconds: number;
  readonly processorSeconds: number;
}

/** A system and how it came. */
interface GeneratedSystem {
  readonly system: System;
  readonly run: ModelRun;
}

/** The outputs of a model, and its candidates where it made several. */
async function generateSystem(
  options: ModelRunOptions,
  name: string,
  inputs: readonly GenerationInput[],
  io: EvaluateIo,
): Promise<GeneratedSystem> {
  using progress = new ProgressBar(
    { stderr: (text) => io.stderr(text), interactive: io.interactive ?? false },
    "lines",
    inputs.length,
  );
  progress.announce(`loading ${options.model}`);
  using model = await Model.load(options.model, loadOptionsOf(options));
  progress.announce("loaded");
  const hypotheses: string[] = [];
  const candidates: string[][] = [];
  const calls: number[] = [];
  const began = { clock: performance.now(), processor: processorSeconds() };
  for await (const result of model.generate(inputs, generationOptionsOf(options))) {
    hypotheses.push(result.text);
    calls.push(result.calls);
    candidates.push(result.candidates.map(({ text }) => text));
    progress.advance();
  }
  const { model: path, seed, ...rest } = options;
  return {
    system: {
      name,
      hypotheses,
      calls,
      ...(options.candidates > 1 && { candidates }),
    },
    run: {
      model: path,
      seed: `${seed}`,
      options: rest,
      seconds: (performance.now() - began.clock) / 1000,
      processorSeconds: processorSeconds() - began.processor,
    },
  };
}

/** A model's folder, or the run's that it is the `model` of. */
function modelName(path: string): string {
  const [run, name] = path.replace(/[\\/]+$/, "").split(/[\\/]/).slice(-2);
  return name === "model" && run !== undefined && /\w/.test(run) ? run : fileName(path);
}

function fileName(path: string): string {
  return path.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1)!;
}

/** Names of files or folders, or whole paths where two have the same name. */
function systemNames(
  paths: readonly string[],
  nameOf: (path: string) => string = fileName,
): readonly string[] {
  const names = paths.map(nameOf);
  return new Set(names).size === paths.length ? names : paths;
}

async function readJsonOutputs(path: string): Promise<Omit<System, "name">> {
  const outputs = (await readRecords(path)).map((record) => outputOf(record, path));
  const candidates = outputs.map((output) => output.candidates);
  const calls = outputs.flatMap((output) => output.calls ?? []);
  return {
    hypotheses: outputs.map(({ text }) => text),
    ...(calls.length === outputs.length && { calls }),
    ...(candidates.every((texts) => texts.length > 1) && { candidates }),
  };
}

/** A line of a system's output. */
interface OutputLine {
  readonly text: string;
  readonly candidates: readonly string[];
  /** Network calls that it took, where the system says so as ardiff does. */
  readonly calls: number | undefined;
}

/** A system's output: `text`, `candidates` or both. */
function outputOf({ line, fields }: DataRecord, path: string): OutputLine {
  const text = typeof fields.text === "string" ? fields.text : undefined;
  const calls = Number.isSafeInteger(fields.calls) ? fields.calls as number : undefined;
  if (text !== undefined && fields.candidates === undefined) {
    return { text, candidates: [text], calls };
  }
  const { texts } = parseCandidateLine(line, path);
  return { text: text ?? texts[0]!, candidates: texts, calls };
}

/**
 * Sources and reference lists, of JSON lines (line breaks in a reference stay, as they part its
 * sentences; other fields ask for something, as in the input of generate) or of a table of pairs, in
 * which equal sources share their references.
 *
 * @param asks whether those other fields are read
 */
async function readExamples(
  path: string,
  asks: boolean,
  outputs?: number,
): Promise<TestSet> {
  const format = /\.(tsv|csv)$/.exec(path)?.[1];
  if (format !== undefined) {
    const table = { format, file: path, ...await columnsOf(path, format) };
    const pairs = await Array.fromAsync(readPairs(parseDataSpec(table, "--data")));
    const referencesOf = Map.groupBy(pairs, ({ source }) => source);
    const sources = pairs.length === outputs
      ? pairs.map(({ source }) => source)
      : [...referencesOf.keys()];
    return {
      sources,
      references: sources.map((source) => referencesOf.get(source)!.map(({ target }) => target)),
    };
  }
  const records = await readRecords(path);
  const textsOf = ({ line, fields }: DataRecord, name: string): string[] => {
    const texts = stringsOf(fields[name]);
    if (texts !== undefined && texts.length > 0) return texts;
    throw dataError(path, line.number, `expected field "${name}" to be a text or a list of texts`);
  };
  return {
    sources: records.map((record) => textsOf(record, "source").join(" ")),
    ...asks && {
      demands: records.map(({ line, fields }) => {
        const demands = demandsOf(fields);
        if ("flaw" in demands) throw dataError(path, line.number, demands.flaw);
        return demands;
      }),
    },
    references: records.map((record) => textsOf(record, "references")),
  };
}

/** The columns of a CSV file whose header names them; without one they are the first two. */
async function columnsOf(path: string, format: string): Promise<Record<string, unknown>> {
  if (format !== "csv") return {};
  for await (const { text } of readDataLines(path, openFile)) {
    const names = text.split(",").map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
    const target = ["target", "reference", "references"].find((name) => names.includes(name));
    return names.includes("source") && target !== undefined
      ? { source: "source", target, header: true }
      : {};
  }
  return {};
}

/** A line of a JSON lines file and the fields of its object. */
interface DataRecord {
  readonly line: Line;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The lines that are not empty, each of which must be JSON. */
async function readRecords(path: string): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const line of readDataLines(path, openFile)) {
    if (line.text.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(line.text);
      records.push({ line, fields: { ...(value as Record<string, unknown> | null) } });
    } catch (error) {
      throw dataError(path, line.number, `it is not valid JSON (${messageOf(error)})`);
    }
  }
  if (records.length === 0) throw emptyFile(path);
  return records;
}

async function readTexts(path: string): Promise<string[]> {
  const lines = await Array.fromAsync(readDataLines(path, openFile));
  if (lines.length === 0) throw emptyFile(path);
  return lines.map(({ text }) => text);
}

function emptyFile(path: string): UserError {
  return dataError(path, undefined, "it is empty: expected one text a line");
}
