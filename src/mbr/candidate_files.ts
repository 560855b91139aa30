/**
 * Candidates as other programs leave them: an n-best list, or a file of outputs for each seed or
 * system. Both become what a line of JSON candidates is.
 */
import { ExitCode, UserError } from "../errors.ts";
import { dataError } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";
import { type CandidateLine, parseCandidateLine } from "./candidate_lines.ts";
import type { CandidateFormat } from "./names.ts";

/** A file of candidates. */
export interface CandidateFile {
  /** As messages call it. */
  readonly name: string;
  readonly lines: AsyncIterable<Line>;
}

/**
 * The candidates of each input.
 *
 * @param files several of them are aligned: line n of each has candidates for input n
 * @throws {UserError} that names the line which is not what the format says
 */
export function readCandidates(
  files: readonly CandidateFile[],
  format: CandidateFormat,
): AsyncGenerator<CandidateLine, void, undefined> {
  const [first] = files;
  if (format === "text" || files.length > 1) return alignCandidates(files, format);
  return format === "nbest" ? readNbest(first!) : readJson(first!);
}

async function* readJson({ name, lines }: CandidateFile) {
  for await (const line of lines) if (line.text.trim() !== "") yield parseCandidateLine(line, name);
}

/**
 * Moses' n-best lists: `ID ||| TEXT ||| FEATURES ||| SCORE`, where all after the text may be absent.
 * Lines of one id that follow each other are one input's candidates; their scores are handed on.
 */
async function* readNbest(
  { name, lines }: CandidateFile,
): AsyncGenerator<CandidateLine, void, undefined> {
  let id: string | undefined;
  let details: Record<string, unknown>[] = [];
  const candidates = (): CandidateLine => ({
    texts: details.map(({ text }) => text as string),
    details,
    fields: { id },
  });
  for await (const { text: whole, number } of lines) {
    if (whole.trim() === "") continue;
    const [key, text, ...rest] = whole.split("|||").map((field) => field.trim());
    if (text === undefined) {
      throw dataError(name, number, 'expected "ID ||| TEXT", and after it what else is known');
    }
    if (id !== undefined && key !== id) {
      yield candidates();
      details = [];
      expectNext(id, key!, name, number);
    }
    id = key!;
    const score = Number(rest.at(-1) || NaN);
    details.push({ text, ...(Number.isFinite(score) && { score }) });
  }
  if (id !== undefined) yield candidates();
}

/** An input without a candidate would shift all after it against the sources. */
function expectNext(id: string, next: string, name: string, line: number): void {
  if (!/^\d+$/.test(id) || !/^\d+$/.test(next) || Number(next) === Number(id) + 1) return;
  throw dataError(
    name,
    line,
    `id ${next} follows ${id}: expected ${
      Number(id) + 1
    }; give every input a candidate, if need be ` +
      "an empty one, and number them in order",
  );
}

/** Line n of each file: a candidate each, or with JSON lines all that are in the line. */
async function* alignCandidates(
  files: readonly CandidateFile[],
  format: CandidateFormat,
): AsyncGenerator<CandidateLine, void, undefined> {
  const iterators = files.map(({ lines }) => lines[Symbol.asyncIterator]());
  try {
    for (let inputs = 0;; inputs++) {
      const results = [];
      for (const iterator of iterators) results.push(await iterator.next());
      if (results.every(({ done }) => done)) return;
      const short = results.findIndex(({ done }) => done);
      if (short >= 0) {
        const longer = files[results.findIndex(({ done }) => !done)]!.name;
        throw new UserError(
          ExitCode.data,
          `Cannot align "${files[short]!.name}" with "${longer}": it ends after ${inputs} lines`,
        );
      }
      yield join(results.map(({ value }, k) => candidatesOf(value, files[k]!.name, format)));
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

function candidatesOf(line: Line, name: string, format: CandidateFormat): CandidateLine {
  if (format === "jsonl") return parseCandidateLine(line, name, { alone: true });
  return { texts: [line.text], details: [{ text: line.text }], fields: {} };
}

/** The candidates of all; of other fields those of the first. */
function join(parts: readonly CandidateLine[]): CandidateLine {
  return {
    texts: parts.flatMap(({ texts }) => texts),
    details: parts.flatMap(({ details }) => details),
    fields: parts[0]!.fields,
  };
}
