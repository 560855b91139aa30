/** `ardiff mbr`: chooses among the candidates of any system. */

import { ExitCode, UserError } from "../errors.ts";
import { inputFile, openOutput } from "../host/streams.ts";
import { type CandidateFile, readCandidates } from "../mbr/candidate_files.ts";
import type { CandidateLine } from "../mbr/candidate_lines.ts";
import { mapOrdered } from "../mbr/map_ordered.ts";
import type { CandidateFormat, SelectionMethod, UtilityName } from "../mbr/names.ts";
import { SelectionPool } from "../mbr/pool.ts";
import { parseScoreTable, tableUtility } from "../mbr/scored_utility.ts";
import { type Selection, supports } from "../mbr/select.ts";
import type { Utility } from "../mbr/utilities/utility.ts";
import { dataError, openFile, readDataLines } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";

/** Options of {@linkcode mbr}. */
export interface MbrOptions {
  /** Files of candidates, line by line where there are several; standard input where absent. */
  readonly input?: readonly string[];
  /** Their form. Default "jsonl", or "text" for several that are not all named `*.jsonl`. */
  readonly inputFormat?: CandidateFormat;
  /** Where the choices go; standard output where absent. */
  readonly output?: string;
  /** What candidates are compared by. Default "bleu", the paper's. */
  readonly utility?: UtilityName;
  /** JSON lines of scores to compare by in place of a utility: a table for each input. */
  readonly utilityScores?: string;
  /** How the expected utility is found. Default "exact". */
  readonly mbrMethod?: SelectionMethod;
  /** Worker threads. Default 1. */
  readonly threads?: number;
  /** "text": the chosen candidate. "jsonl": it, and every candidate with its score. Default "text". */
  readonly format?: "text" | "jsonl";
}

/** The streams of the process, or of a test. */
interface MbrIo {
  /** Standard input. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Writes to standard output; what it throws ends the command. */
  stdout(text: string): void | Promise<void>;
}

/** Inputs in work per thread: enough that no thread waits for the next one to be read. */
const LOOK_AHEAD = 4;

/**
 * Writes one line for each line of candidates, in order, each as soon as it is known and those before
 * it are written. Memory does not grow with the input.
 *
 * @throws {UserError} for a method that does not go with the utility, for input that cannot be read,
 *   naming its line, after the output of the lines before it, and for output that cannot be written
 */
export async function mbr(options: MbrOptions, io: MbrIo): Promise<void> {
  const { utility = "bleu", mbrMethod: method = "exact", threads = 1, format = "text" } = options;
  checkMethod(options);
  const describe = format === "text" ? chosenText : scoredCandidates;
  using pool = new SelectionPool(threads);
  const choose = async ({ candidates, utility }: Judged) => {
    const { texts, weights } = candidates;
    const selection = await pool.select(texts, { utility, method, ...(weights && { weights }) });
    return describe(candidates, selection);
  };
  const { files, scores } = openFiles(options, io);
  const utilities = new Utilities(scores, utility);
  const inputs = judged(readCandidates(files, formatOf(options)), utilities);
  using output = await openOutput(options.output, io);
  for await (const line of mapOrdered(inputs, choose, LOOK_AHEAD * threads)) {
    await output.write(`${line}\n`);
  }
  output.finish();
}

/** Candidates and what they are compared by. */
interface Judged {
  readonly candidates: CandidateLine;
  readonly utility: UtilityName | Utility;
}

async function* judged(
  inputs: AsyncIterable<CandidateLine>,
  utilities: Utilities,
): AsyncGenerator<Judged, void, undefined> {
  for await (const candidates of inputs) {
    yield { candidates, utility: await utilities.next(candidates.texts) };
  }
  await utilities.finish();
}

function checkMethod(
  { utility = "bleu", mbrMethod: method = "exact", utilityScores }: MbrOptions,
): void {
  if (utilityScores !== undefined && method !== "exact") {
    throw new UserError(
      ExitCode.usage,
      `Cannot use --mbr-method "${method}" with --utility-scores, which has every pair: choose "exact"`,
    );
  }
  if (supports(method, utility)) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot use --mbr-method "${method}" with --utility "${utility}", which has no mean ` +
      'statistics to compare with: choose "exact" or "prune", or another utility',
  );
}

function formatOf({ input = [], inputFormat }: MbrOptions): CandidateFormat {
  if (inputFormat === "text" && input.length < 2) {
    throw new UserError(
      ExitCode.usage,
      "Cannot choose among one text a line: name a file for each seed or system with --input",
    );
  }
  if (inputFormat === "nbest" && input.length > 1) {
    throw new UserError(ExitCode.usage, "Cannot align n-best lists: name one file with --input");
  }
  const isJson = input.length < 2 || input.every((path) => path.endsWith(".jsonl"));
  return inputFormat ?? (isJson ? "jsonl" : "text");
}

/** The files of candidates and that of scores, any one of which may be standard input. */
function openFiles(
  { input = [], utilityScores }: MbrOptions,
  io: MbrIo,
): { files: CandidateFile[]; scores: CandidateFile | undefined } {
  const paths = input.length === 0 ? ["-"] : input;
  const all = [...paths, ...(utilityScores === undefined ? [] : [utilityScores])];
  if (all.filter((path) => inputFile(path) === undefined).length > 1) {
    throw new UserError(
      ExitCode.usage,
      "Cannot read standard input twice: name a file with --input or --utility-scores",
    );
  }
  return {
    files: paths.map((path) => linesOf(path, io)),
    scores: utilityScores === undefined ? undefined : linesOf(utilityScores, io),
  };
}

/** A file's lines, or standard input's. */
function linesOf(path: string, io: MbrIo): CandidateFile {
  const file = inputFile(path);
  const name = file ?? "standard input";
  const open = file === undefined ? () => Promise.resolve(io.stdin) : openFile;
  return { name, lines: readDataLines(name, open) };
}

/** The utility of each input in turn: its table of scores, or one for all. */
class Utilities {
  readonly #scores: CandidateFile | undefined;
  readonly #tables: AsyncIterator<Line> | undefined;
  readonly #named: UtilityName;

  constructor(scores: CandidateFile | undefined, named: UtilityName) {
    this.#scores = scores;
    this.#tables = scores?.lines[Symbol.asyncIterator]();
    this.#named = named;
  }

  async next(texts: readonly string[]): Promise<UtilityName | Utility> {
    if (this.#scores === undefined) return this.#named;
    const { value: line, done } = await this.#tables!.next();
    if (done) {
      throw dataError(this.#scores.name, undefined, "it has fewer lines than there are inputs");
    }
    return tableUtility(texts, parseScoreTable(line, texts.length, this.#scores.name));
  }

  /** @throws {UserError} where there are tables left */
  async finish(): Promise<void> {
    const rest = await this.#tables?.next();
    if (rest === undefined || rest.done) return;
    throw dataError(
      this.#scores!.name,
      rest.value.number,
      "it has more lines than there are inputs",
    );
  }
}

function chosenText({ texts }: CandidateLine, { index }: Selection): string {
  return texts[index]!;
}

function scoredCandidates(
  { texts, details, fields }: CandidateLine,
  { index, expectedUtility }: Selection,
): string {
  return JSON.stringify({
    ...fields,
    text: texts[index],
    index,
    utility: expectedUtility[index],
    candidates: details.map((detail, i) => ({ ...detail, utility: expectedUtility[i] })),
  });
}
