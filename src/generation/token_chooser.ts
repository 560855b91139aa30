/** How a token is chosen from what a settled slot predicts. */
import { Random } from "../random.ts";
import type { TokenRule } from "./token_rules.ts";

/** A token and its log-probability: 0 where none was asked for, NaN where it is not known. */
interface ChosenToken {
  readonly id: number;
  readonly logProbability: number;
}

/**
 * Chooses the token of a position.
 *
 * @param tokens the target up to there
 * @param ids the likeliest tokens, the likeliest first
 * @param logProbabilities theirs
 */
export type TokenChooser = (
  tokens: readonly number[],
  ids: Int32Array,
  logProbabilities: Float32Array | undefined,
) => ChosenToken;

/** The likeliest. */
export const likeliest: TokenChooser = (_tokens, ids, logProbabilities) => ({
  id: ids[0]!,
  logProbability: logProbabilities?.[0] ?? 0,
});

/** So many of the likeliest tokens are drawn from. */
export const DRAWN_FROM = 64;

/** How tokens are drawn. */
interface DrawOptions {
  /** Log-probabilities are divided by it: below 1 sharpens. */
  readonly temperature: number;
  /** Tokens less likely than this, at temperature 1, are left out (epsilon sampling). */
  readonly epsilon: number;
  /** Of the likeliest tokens so many are kept as together have this probability (nucleus sampling). */
  readonly topP: number;
}

/**
 * Draws. What is drawn for a position depends on the key, the position and the distribution alone, so
 * that a draft is confirmed by drawing again.
 *
 * @param key words that name the line, the seed and the candidate
 */
export function drawn(
  key: readonly number[],
  { temperature, epsilon, topP }: DrawOptions,
): TokenChooser {
  return ({ length: position }, ids, logProbabilities) => {
    const kept: number[] = [];
    let covered = 0;
    for (const [i, logProbability] of logProbabilities!.entries()) {
      const probability = Math.exp(logProbability);
      if (i > 0 && (probability < epsilon || covered >= topP)) break;
      covered += probability;
      kept.push(Math.exp((logProbability - logProbabilities![0]!) / temperature));
    }
    const total = kept.reduce((sum, weight) => sum + weight, 0);
    let left = total * new Random(0, DRAWS, ...key, position).uniform();
    const found = kept.findIndex((weight) => (left -= weight) < 0);
    const place = found < 0 ? 0 : found;
    return { id: ids[place]!, logProbability: logProbabilities![place]! };
  };
}

/**
 * Chooses by rules: among the tokens that they allow, by log-probabilities to which they have added. A
 * text that none of the likeliest tokens may go on ends there.
 */
export function ruled(choose: TokenChooser, rule: TokenRule, endId: number): TokenChooser {
  return (tokens, ids, logProbabilities) => {
    const judge = rule(tokens);
    const allowed = Array.from(ids, (id, i) => ({
      id,
      logProbability: logProbabilities![i]!,
      score: logProbabilities![i]! + judge(id),
    })).filter(({ score }) => score > -Infinity).sort((a, b) => b.score - a.score);
    if (allowed.length === 0) return { id: endId, logProbability: NaN };
    const chosen = choose(
      tokens,
      Int32Array.from(allowed, ({ id }) => id),
      Float32Array.from(allowed, ({ score }) => score),
    );
    const { logProbability } = allowed.find(({ id }) => id === chosen.id)!;
    return { id: chosen.id, logProbability };
  };
}

/** Tells these random numbers from those of training, whose purposes are small. */
const DRAWS = 0x64726177;

/** The key of a candidate's draws. */
export function drawKey(seed: bigint, source: readonly number[], candidate: number): number[] {
  const words = [Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn)];
  const hash = new Random(0, DRAWS, ...words, ...source);
  return [hash.bits(), hash.bits(), candidate];
}
