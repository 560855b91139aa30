/** `ardiff evaluate`: scores the outputs of one or more systems, and says what the scores are. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { parseCandidateLine } from "../mbr/candidate_lines.ts";
import {
  formatReport,
  type Metric,
  METRICS_WITH_REFERENCES,
  reportToJson,
  score,
  type ScoreInput,
  type ScoreOptions,
  type System,
} from "../metrics/mod.ts";
import { dataError, openFile, readDataLines } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";
import { readReferences } from "../text/records.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions extends Partial<ScoreOptions> {
  /**
   * One file per system, an output a line; the second and later systems are compared with the
   * first. In a file named `*.jsonl` a line is an object with a string `text`, a list `candidates`
   * or both, of which `text` or else the first candidate is scored.
   */
  readonly hypotheses: readonly string[];
  /** One file per reference, line by line with the hypotheses. */
  readonly references?: readonly string[];
  /** JSON lines `{"source": ..., "references": [...]}` in the place of reference files. */
  readonly data?: string;
  /** Print JSON in the place of the table. */
  readonly json?: boolean;
}

/** The streams of the process, or of a test. */
export interface EvaluateIo {
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void;
}

/** Metrics computed where none are named: those that any test set with references allows. */
export const DEFAULT_METRICS: readonly Metric[] = ["bleu", "chrf", "ter", "rouge"];

/**
 * Reads outputs and what they are compared with, scores them and prints the scores.
 *
 * @throws {UserError} for a metric that lacks what it needs, for files that cannot be read or are
 * not UTF-8, for an empty file, and where numbers of lines differ
 */
export async function evaluate(options: EvaluateOptions, io: EvaluateIo): Promise<void> {
  checkRequest(options);
  const testSet = await readTestSet(options);
  const systems = await readSystems(options.hypotheses);
  const first = options.references?.[0] ?? options.data ?? options.hypotheses[0]!;
  const segments = testSet.references?.length ?? systems[0]!.hypotheses.length;
  for (const [k, { hypotheses }] of systems.entries()) {
    checkCount(options.hypotheses[k]!, hypotheses.length, first, segments);
  }
  await printScores({ systems, ...testSet }, options, io);
}

/**
 * Scores outputs that are at hand and prints the scores as a table or as JSON.
 *
 * @throws {UserError} for Self-BLEU of a single output
 */
export async function printScores(
  input: ScoreInput,
  options: Omit<EvaluateOptions, "hypotheses">,
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
  const report = score(input, { ...options, metrics });
  await io.stdout(
    options.json ? JSON.stringify(reportToJson(report), undefined, 2) + "\n" : formatReport(report),
  );
}

/** Refuses what cannot be computed before any file is read. */
function checkRequest(options: EvaluateOptions): void {
  const usage = (message: string) => new UserError(ExitCode.usage, message);
  const { hypotheses, references, data, metrics = DEFAULT_METRICS } = options;
  if (hypotheses.length === 0) {
    throw usage("Cannot evaluate nothing: name a file of outputs with --hypotheses");
  }
  if (references?.length && data !== undefined) {
    throw usage("Cannot use --references and --data together: give the references once");
  }
  const comparing = metrics.find((metric) => METRICS_WITH_REFERENCES.includes(metric));
  if (comparing && !references?.length && data === undefined) {
    throw usage(
      `Cannot compute metric "${comparing}": give references with --references or --data`,
    );
  }
  if (metrics.includes("coverage") && data === undefined) {
    throw usage('Cannot compute metric "coverage": give the sources of the outputs with --data');
  }
}

/** What outputs are compared with: nothing, references, or references and sources. */
export async function readTestSet(
  { references = [], data }: Pick<EvaluateOptions, "references" | "data">,
): Promise<Pick<ScoreInput, "references" | "sources">> {
  if (data !== undefined) return await readExamples(data);
  if (references.length === 0) return {};
  const streams: string[][] = [];
  for (const path of references) {
    const lines = await readTexts(path);
    checkCount(path, lines.length, references[0]!, streams[0]?.length ?? lines.length);
    streams.push(lines);
  }
  return { references: streams[0]!.map((_, line) => streams.map((stream) => stream[line]!)) };
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

/** File names, or whole paths where two files have the same name. */
function systemNames(paths: readonly string[]): readonly string[] {
  const names = paths.map((path) => path.split(/[\\/]/).at(-1)!);
  return new Set(names).size === paths.length ? names : paths;
}

async function readJsonOutputs(path: string): Promise<Omit<System, "name">> {
  const lines = await Array.fromAsync(readDataLines(path, openFile));
  const outputs = lines.filter(({ text }) => text.trim() !== "")
    .map((line) => parseOutput(line, path));
  if (outputs.length === 0) throw emptyFile(path);
  const candidates = outputs.map((output) => output.candidates);
  return {
    hypotheses: outputs.map(({ text }) => text),
    ...(candidates.every((texts) => texts.length > 1) && { candidates }),
  };
}

/** A system's output as JSON: `text`, `candidates` or both. */
function parseOutput(line: Line, path: string): { text: string; candidates: readonly string[] } {
  let record: unknown;
  try {
    record = JSON.parse(line.text);
  } catch (error) {
    throw dataError(path, line.number, `it is not valid JSON (${messageOf(error)})`);
  }
  const fields: Record<string, unknown> = { ...(record as Record<string, unknown> | null) };
  const text = typeof fields.text === "string" ? fields.text : undefined;
  if (text !== undefined && fields.candidates === undefined) return { text, candidates: [text] };
  const { texts } = parseCandidateLine(line, path);
  return { text: text ?? texts[0]!, candidates: texts };
}

async function readExamples(
  file: string,
): Promise<{ sources: string[]; references: (readonly string[])[] }> {
  const spec = {
    format: "jsonl",
    file,
    source: "source",
    target: "references",
    groupSources: false,
  } as const;
  const examples = await Array.fromAsync(readReferences(spec));
  return {
    sources: examples.map(({ source }) => source),
    references: examples.map(({ references }) => references),
  };
}

async function readTexts(path: string): Promise<string[]> {
  const lines = await Array.fromAsync(readDataLines(path, openFile));
  if (lines.length === 0) throw emptyFile(path);
  return lines.map(({ text }) => text);
}

function emptyFile(path: string): UserError {
  return dataError(path, undefined, "it is empty: expected one text a line");
}
