/** How a target was written by drafts that are verified, as a trace. */
import type { Trace } from "./trace.ts";

/** How a row looked after a call. */
interface Moment {
  /** Tokens settled. */
  readonly settled: number;
  /** What was drafted behind them. */
  readonly draft: readonly number[];
}

/** A row that is done, and how it came to be. */
export interface TracedRow {
  /** The end token included where it has one. */
  readonly tokens: readonly number[];
  /** How it looked after each call. */
  readonly moments: readonly Moment[];
  /** Of each token, where they are known. */
  readonly tokenLogProbabilities: readonly number[];
}

/**
 * A row's calls as a trace: what has settled is at timestep 0, what is drafted at T - 1, and what a call
 * did not confirm of the draft before it is rejected.
 *
 * @param steps diffusion steps T
 */
export function draftTrace(
  { moments, tokens, tokenLogProbabilities }: TracedRow,
  steps: number,
): Trace {
  const slots = Math.max(
    tokens.length,
    ...moments.map(({ settled, draft }) => settled + draft.length),
  );
  const trace = {
    calls: moments.length,
    slots,
    tokens: new Int32Array(moments.length * slots).fill(-1),
    timesteps: new Int32Array(moments.length * slots).fill(steps - 1),
    probabilities: new Float32Array(slots).fill(NaN),
    rejected: new Int32Array(moments.length * slots).fill(-1),
  };
  tokenLogProbabilities.forEach((value, slot) => trace.probabilities[slot] = Math.exp(value));
  let before = moments[0]?.settled ?? 0;
  for (const [call, { settled, draft }] of moments.entries()) {
    trace.tokens.set(tokens.slice(0, settled), call * slots);
    trace.tokens.set(draft, call * slots + settled);
    trace.timesteps.fill(0, call * slots, call * slots + settled);
    const checked = moments[call - 1]?.draft ?? [];
    const wrong = checked.findIndex((id, i) => id !== tokens[before + i]);
    if (wrong >= 0) trace.rejected.set(checked.slice(wrong), call * slots + before + wrong);
    before = settled;
  }
  return trace;
}
