/** Candidates of token rows that a network in the shifted layout has written. */
import { draftTrace, type TracedRow } from "./draft_trace.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Candidate, SampleOptions } from "./sample.ts";
import { scoreTargets, targetOf } from "./score_targets.ts";
import type { Source } from "./source.ts";
import { decodeTarget } from "./target.ts";

/** A row that is done. */
export interface WrittenRow extends TracedRow {
  readonly source: Source;
  /** The sum of the tokens' log-probabilities; NaN where it is not known. */
  readonly logProbability: number;
  /** Network calls that it took. */
  readonly calls: number;
}

/** What became of rows, in their order. */
export async function candidatesOf(
  model: LoadedModel,
  rows: readonly WrittenRow[],
  rowsAtOnce: number,
  { confidence = false, trace = false }: Pick<SampleOptions, "confidence" | "trace">,
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const { tokenizer, config: { text, diffusion } } = model;
  const texts = rows.map(({ tokens }) => decodeTarget(Int32Array.from(tokens), tokenizer, text));
  const scores = confidence ? await scoresOf(model, rows, texts, rowsAtOnce, signal) : undefined;
  return rows.map((row, i) => ({
    text: texts[i]!,
    calls: row.calls,
    ...scores?.[i],
    ...(trace && { trace: draftTrace(row, diffusion.steps) }),
  }));
}

/** How probable a text is: the mean over its tokens, and their number. */
type TextScore = Required<Pick<Candidate, "logProbability" | "length">>;

/**
 * How probable each row's text is. That is asked of the tokens that the tokenizer makes of it, so that
 * whoever has only the text finds the same: rows of other tokens, and those whose log-probability is
 * not known, take a network call more.
 */
async function scoresOf(
  model: LoadedModel,
  rows: readonly WrittenRow[],
  texts: readonly string[],
  rowsAtOnce: number,
  signal: AbortSignal | undefined,
): Promise<TextScore[]> {
  const targets = texts.map((text) => targetOf(model.tokenizer.encode(text), model.config.text));
  const others = [...rows.keys()].filter((i) => {
    const { logProbability, tokens } = rows[i]!;
    const target = targets[i]!;
    return Number.isNaN(logProbability) || tokens.length !== target.length ||
      tokens.some((id, slot) => id !== target[slot]);
  });
  const pairs = others.map((i) => ({ source: rows[i]!.source, target: targets[i]! }));
  const found = await scoreTargets(model, pairs, rowsAtOnce, signal);
  const sums = rows.map(({ logProbability }) => logProbability);
  for (const [k, i] of others.entries()) {
    sums[i] = found[k]!.reduce((sum, value) => sum + value, 0);
  }
  return targets.map(({ length }, i) => ({ logProbability: sums[i]! / length, length }));
}
