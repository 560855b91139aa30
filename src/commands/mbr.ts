/** `ardiff mbr`: chooses among the candidates of any system. */

import { ExitCode, UserError } from "../errors.ts";
import { inputFile, openOutput } from "../host/streams.ts";
import { type CandidateLine, parseCandidateLine } from "../mbr/candidate_lines.ts";
import { mapOrdered } from "../mbr/map_ordered.ts";
import type { SelectionMethod, UtilityName } from "../mbr/names.ts";
import { SelectionPool } from "../mbr/pool.ts";
import { type Selection, supports } from "../mbr/select.ts";
import { openFile, readDataLines } from "../text/data_lines.ts";

/** Options of {@linkcode mbr}. */
export interface MbrOptions {
  /** JSON lines of candidates; standard input where absent. */
  readonly input?: string;
  /** Where the choices go; standard output where absent. */
  readonly output?: string;
  /** What candidates are compared by. Default "bleu", the paper's. */
  readonly utility?: UtilityName;
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
  if (!supports(method, utility)) {
    throw new UserError(
      ExitCode.usage,
      `Cannot use --mbr-method "${method}" with --utility "${utility}", which has no mean ` +
        'statistics to compare with: choose "exact" or "prune", or another utility',
    );
  }
  const describe = format === "text" ? chosenText : scoredCandidates;
  using pool = new SelectionPool(threads);
  const choose = async (candidates: CandidateLine) => {
    const { texts, weights } = candidates;
    const selection = await pool.select(texts, { utility, method, ...(weights && { weights }) });
    return describe(candidates, selection);
  };
  using output = await openOutput(options.output, io);
  const inputs = readCandidates(inputFile(options.input), io);
  for await (const line of mapOrdered(inputs, choose, LOOK_AHEAD * threads)) {
    await output.write(`${line}\n`);
  }
  output.finish();
}

/** The candidates of every line that is not empty. */
async function* readCandidates(
  path: string | undefined,
  io: MbrIo,
): AsyncGenerator<CandidateLine, void, undefined> {
  const lines = path === undefined
    ? readDataLines("standard input", () => Promise.resolve(io.stdin))
    : readDataLines(path, openFile);
  for await (const line of lines) {
    if (line.text.trim() !== "") yield parseCandidateLine(line, path ?? "standard input");
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
