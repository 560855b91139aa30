/**
 * Candidates that another system has written, a list for each pair of the data, in their order:
 *
 * - `.jsonl`: an object a line, with `candidates` as `ardiff mbr` reads them, or a `text`;
 * - n-best lists of Moses and others: `NUMBER ||| text ||| ...`, numbers from 0;
 * - plain text: K lines for each pair.
 */
import { dataError, onOneLine, openFile, readDataLines } from "../../text/data_lines.ts";
import type { Line } from "../../text/lines.ts";
import { parseJsonText } from "../../json_text.ts";
import { isObject } from "../../host/json_value.ts";
import { parseCandidateLine } from "../../mbr/candidate_lines.ts";
import { messageOf } from "../../errors.ts";

const NBEST = /^(\d+) \|\|\| (.*?)(?: \|\|\| .*)?$/;

/**
 * Reads the lists.
 *
 * @param lines of plain text a pair has
 * @throws {UserError} where a line is none of its form, and for plain text that does not come out even
 */
export async function* readOutputs(
  path: string,
  lines: number,
): AsyncGenerator<readonly string[], void, undefined> {
  if (path.endsWith(".jsonl")) return yield* jsonLists(path);
  const texts = readDataLines(path, openFile);
  const first = await texts.next();
  if (first.done) throw dataError(path, undefined, "it is empty: expected the outputs of a system");
  const all = startingWith(first.value, texts);
  yield* NBEST.test(first.value.text) ? nbestLists(path, all) : plainLists(path, all, lines);
}

async function* startingWith(first: Line, rest: AsyncIterable<Line>): AsyncGenerator<Line> {
  yield first;
  yield* rest;
}

async function* jsonLists(path: string): AsyncGenerator<readonly string[]> {
  for await (const line of readDataLines(path, openFile)) {
    let record: unknown;
    try {
      record = parseJsonText(line.text);
    } catch (error) {
      throw dataError(path, line.number, `it is not valid JSON (${messageOf(error)})`);
    }
    yield isObject(record) && record["candidates"] === undefined &&
        typeof record["text"] === "string"
      ? [onOneLine(record["text"])]
      : parseCandidateLine(line, path).texts;
  }
}

async function* nbestLists(
  path: string,
  lines: AsyncIterable<Line>,
): AsyncGenerator<readonly string[]> {
  let texts: string[] = [];
  let pair = 0;
  for await (const { text, number } of lines) {
    const match = NBEST.exec(text);
    const found = Number(match?.[1]);
    if (match === null || found < pair) {
      throw dataError(path, number, 'expected "NUMBER ||| text ||| ...", numbers from 0 that rise');
    }
    for (; pair < found; pair++, texts = []) yield texts;
    texts.push(match[2]!);
  }
  yield texts;
}

async function* plainLists(
  path: string,
  lines: AsyncIterable<Line>,
  each: number,
): AsyncGenerator<readonly string[]> {
  let texts: string[] = [];
  for await (const { text } of lines) {
    texts.push(text);
    if (texts.length < each) continue;
    yield texts;
    texts = [];
  }
  if (texts.length === 0) return;
  throw dataError(
    path,
    undefined,
    `its last ${texts.length} lines are no whole pair: expected ${each} for each, --candidates says so`,
  );
}
