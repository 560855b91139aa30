/** The input of `ardiff mbr`: one JSON object a line, the candidates of any system for one input. */

import { messageOf } from "../errors.ts";
import { isObject, type JsonObject } from "../host/json_value.ts";
import { parseJsonText } from "../json_text.ts";
import { dataError, onOneLine } from "../text/data_lines.ts";
import type { Line } from "../text/lines.ts";

/** One input's candidates. */
export interface CandidateLine {
  /** The candidates' texts, at least one, each on one line. */
  readonly texts: readonly string[];
  /** What else is known of each candidate, as given: empty for candidates that are mere strings. */
  readonly details: readonly Readonly<Record<string, unknown>>[];
  /** The other fields of the line. */
  readonly fields: JsonObject;
  /** One per candidate, finite, not negative, not all zero. */
  readonly weights?: readonly number[];
}

/**
 * Reads `{"candidates": [...], "weights": [...]}`, where a candidate is a string or an object with a
 * string `text`, and weights may be absent.
 *
 * @param path names the file in errors
 * @param options with `alone`, an object with a string `text` and no list is one candidate
 * @throws {UserError} for anything else
 */
export function parseCandidateLine(
  line: Line,
  path: string,
  { alone = false }: { readonly alone?: boolean } = {},
): CandidateLine {
  const fail = (flaw: string) => dataError(path, line.number, flaw);
  const record = parseJson(line, fail);
  if (!isObject(record)) throw fail('expected a JSON object {"candidates": [...]}');

  const { candidates: list, weights, ...fields } = record;
  const single = alone && list === undefined && typeof record["text"] === "string";
  const candidates = single ? [record] : list;
  if (!Array.isArray(candidates)) throw fail('expected field "candidates" to be a list');
  if (candidates.length === 0) throw fail('expected at least one text in field "candidates"');
  const details = candidates.map((candidate: unknown, i) => {
    const detail = isObject(candidate) ? candidate : { text: candidate };
    if (typeof detail.text === "string") return { ...detail, text: onOneLine(detail.text) };
    throw fail(`expected candidate ${i + 1} to be a string or an object with a string "text"`);
  });
  const texts = details.map(({ text }) => text);
  if (weights === undefined) return { texts, details, fields };
  if (!isWeightList(weights, texts.length)) {
    throw fail(
      `expected field "weights" to be ${texts.length} numbers, one per candidate, none negative ` +
        "and not all 0",
    );
  }
  return { texts, details, fields, weights };
}

function parseJson({ text }: Line, fail: (flaw: string) => Error): unknown {
  try {
    return parseJsonText(text);
  } catch (error) {
    throw fail(`it is not valid JSON (${messageOf(error)})`);
  }
}

function isWeightList(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length &&
    value.every((weight) => typeof weight === "number" && weight >= 0 && weight < Infinity) &&
    value.some((weight) => weight > 0);
}
