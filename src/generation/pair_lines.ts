/** Pairs of source and target out of lines of text or JSON, and their scores as lines of output. */
import { isObject, type JsonObject } from "../host/json_value.ts";
import type { Line } from "../text/lines.ts";
import type { PairFormat } from "./choices.ts";
import { type InputOptions, readLinesAs, textAt } from "./inputs.ts";
import type { PairScore, TextPair } from "./score_pairs.ts";

/** How pairs are read. */
interface PairInputOptions extends InputOptions {
  /** Name, or names joined by dots, of the field of a JSON object that holds the target. */
  readonly targetField: string;
}

/** What a line asks for. */
export interface PairInput {
  /** The pair, undefined where a line holds none. */
  readonly pair: TextPair | undefined;
  /** The object that a line of JSON holds; without fields for other lines. */
  readonly record: JsonObject;
}

const NO_FIELDS: JsonObject = {};

/** The pair in each line: what is before and behind its first tab, or two fields of an object. */
export function readPairLines(
  lines: AsyncIterable<Line>,
  options: PairInputOptions,
): AsyncGenerator<PairInput, void, undefined> {
  return readLinesAs<PairInput>(lines, {
    ofText: (text) => {
      const none = { input: { pair: undefined, record: NO_FIELDS } };
      if (text.trim() === "") return none;
      const tab = text.indexOf("\t");
      if (tab < 0) return { ...none, flaw: "expected a source, a tab and a target" };
      const pair = { source: text.slice(0, tab), target: text.slice(tab + 1) };
      return { input: { pair, record: NO_FIELDS } };
    },
    ofJson: (value) => {
      const record = isObject(value) ? value : NO_FIELDS;
      const [source, target] = [options.field, options.targetField].map((name) =>
        textAt(value, name)
      );
      const none = { pair: undefined, record };
      if (typeof source !== "string") return { input: none, ...source };
      if (typeof target !== "string") return { input: none, ...target };
      return { input: { pair: { source, target }, record } };
    },
  }, options);
}

/** A score as one line, without its end; an empty one where a line held no pair. */
export function formatScore(
  score: PairScore | undefined,
  format: PairFormat,
  record: JsonObject = NO_FIELDS,
): string {
  if (format === "tsv") {
    if (score === undefined) return "";
    const { sum, logProbability, perplexity, source, target } = score;
    const numbers = [sum, logProbability, perplexity].map((value) => value.toFixed(6));
    return [...numbers, source, target].map((cell) => cell.replaceAll("\t", " ")).join("\t");
  }
  const { source = null, target = null, sum = null, logProbability = null } = score ?? {};
  const { perplexity = null, tokens } = score ?? {};
  const known = {
    source,
    target,
    sum,
    log_probability: logProbability,
    perplexity,
    tokens:
      tokens?.map(({ text, logProbability }) => ({ text, log_probability: logProbability })) ??
        null,
  };
  const others = Object.entries(record).filter(([name]) => !(name in known));
  return JSON.stringify({ ...Object.fromEntries(others), ...known });
}
