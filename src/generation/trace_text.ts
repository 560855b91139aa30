/** A trace as text: a row per network call, a column per slot. */
import type { GenerationResult } from "./generate.ts";
import { printable } from "../printable.ts";
import { settlingCalls, type Trace } from "./trace.ts";

/** One token as a person reads it. */
export type TokenText = (id: number) => string;

/** What a slot shows that was left out. */
const ABSENT = "-";

/**
 * How the chosen candidate of a result settled. A token that its slot keeps from that call on has a
 * star before it.
 */
export function traceAsText(result: GenerationResult, tokenText: TokenText): string {
  const trace = result.candidates[result.chosen ?? 0]?.trace;
  const rows = trace === undefined ? [] : traceRows(trace, tokenText);
  const [source, text] = [result.source, result.text].map((line) => printable(line, Infinity));
  return [`${source}\n`, ...rows, `= ${text}\n`, "\n"].join("");
}

function traceRows(trace: Trace, tokenText: TokenText): string[] {
  const { calls, slots, tokens, timesteps } = trace;
  const settled = settlingCalls(trace);
  const cells = Array.from({ length: calls }, (_, call) => {
    const at = call * slots;
    const range = `${timesteps[at]}..${timesteps[at + slots - 1]}`;
    const words = Array.from(tokens.subarray(at, at + slots), (token, slot) => {
      if (token === -1) return ABSENT;
      return `${call >= settled[slot]! ? "*" : ""}${visible(tokenText(token))}`;
    });
    return [String(call + 1), range, ...words];
  });
  return ["call, timesteps of the first and the last slot, tokens\n", ...aligned(cells)];
}

/** A token without the space before it; whatever would break the row is escaped. */
export function visible(token: string): string {
  const text = token.trim();
  return text === "" ? "␣" : printable(JSON.stringify(text).slice(1, -1));
}

/** Rows whose columns are as wide as their widest cell. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, length(cell)));
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell + " ".repeat(widths[column]! - length(cell)));
    return `${cells.join(" ").trimEnd()}\n`;
  });
}

function length(text: string): number {
  return [...text].length;
}
