/** Results as lines of output. */
import type { JsonObject } from "../host/json_value.ts";
import type { OutputFormat } from "./choices.ts";
import type { GenerationResult } from "./generate.ts";

/**
 * A result as one line, without its end.
 *
 * @param record the input line's JSON object, whose other fields come out again in "jsonl"
 */
export function formatResult(
  result: GenerationResult,
  format: OutputFormat,
  seed: bigint,
  record: JsonObject = {},
): string {
  switch (format) {
    case "text":
      return result.source.trim() === "" ? "" : resultTexts(result).join("\t");
    case "tsv":
      return [result.source, ...resultTexts(result)].map(asCell).join("\t");
    case "jsonl":
      return formatJson(result, seed, record);
  }
}

/** One text, or those of all candidates where all are results. */
function resultTexts({ text, chosen, candidates }: GenerationResult): string[] {
  return chosen === null ? candidates.map((candidate) => asCell(candidate.text)) : [text];
}

function asCell(text: string): string {
  return text.replaceAll("\t", " ");
}

/**
 * `{"source", "text", "chosen", "candidates": [{"text", "utility", "log_probability"}], "calls",
 * "seed"}`, behind the fields of the input that have none of these names. Null are `text` and `chosen` where all candidates are results, `utility` of a lone
 * candidate, and the scores of a blank line's empty candidates.
 */
function formatJson(result: GenerationResult, seed: bigint, input: JsonObject): string {
  const { source, text, chosen, candidates, calls } = result;
  const record = {
    source,
    text: chosen === null ? null : text,
    chosen,
    candidates: candidates.map(
      ({ text, utility = null, logProbability = null, reverseLogProbability: reverse }) => ({
        text,
        utility,
        log_probability: logProbability,
        ...(reverse !== undefined && { reverse_log_probability: reverse }),
      }),
    ),
    calls,
  };
  const others = Object.entries(input).filter(([name]) => name !== "seed" && !(name in record));
  // The seed has 64 bits, more than a number holds.
  return `${
    JSON.stringify({ ...Object.fromEntries(others), ...record }).slice(0, -1)
  },"seed":${seed}}`;
}
