/**
 * What a text may hold, judged token by token. A rule is a function of the tokens so far and the next
 * one, and nothing else: texts stay functions of line, seed and options, and a draft is verified under
 * rules as without.
 */
import type { TokenPieces } from "./token_pieces.ts";

/** What is added to a token's log-probability: 0 for most, -Infinity where it may not follow. */
type TokenJudge = (id: number) => number;

/** Judges what follows tokens; `tokens` is read at once and not kept. */
export type TokenRule = (tokens: readonly number[]) => TokenJudge;

const FORBIDDEN = -Infinity;

const neutral: TokenJudge = () => 0;

/** All rules together; undefined for none. */
export function allRules(rules: readonly TokenRule[]): TokenRule | undefined {
  if (rules.length < 2) return rules[0];
  return (tokens) => {
    const judges = rules.map((rule) => rule(tokens));
    return (id) => judges.reduce((sum, judge) => sum + judge(id), 0);
  };
}

/** Whether a rule lets a token follow. */
export function allows(rule: TokenRule, tokens: readonly number[], id: number): boolean {
  return rule(tokens)(id) > FORBIDDEN;
}

/** The end comes after so many tokens at the earliest. */
export function noEndBefore(minLength: number, endId: number): TokenRule {
  return ({ length }) => length >= minLength ? neutral : (id) => id === endId ? FORBIDDEN : 0;
}

/** No n tokens stand in the text twice. */
export function noRepeats(n: number): TokenRule {
  return (tokens) => {
    const start = tokens.length - (n - 1);
    if (start < 0) return neutral;
    const last = tokens.slice(start);
    const taken = new Set<number>();
    for (let i = 0; i + n <= tokens.length; i++) {
      if (last.every((id, k) => tokens[i + k] === id)) taken.add(tokens[i + n - 1]!);
    }
    return (id) => taken.has(id) ? FORBIDDEN : 0;
  };
}

/** The token at a place begins a word, or ends the text: for a prefix that a space ends. */
export function wordAt(place: number, endId: number, pieces: TokenPieces): TokenRule {
  return ({ length }) =>
    length !== place
      ? neutral
      : (id) => id === endId || /^\s/.test(pieces.piece(id)) ? 0 : FORBIDDEN;
}

/**
 * Words and phrases do not stand in the text, in upper or lower case. No token is taken that would
 * leave one standing at the end, whatever might follow: with "dog", "dogma" remains possible only where
 * the tokenizer does not begin it with "dog".
 */
export function avoiding(phrases: readonly string[], pieces: TokenPieces): TokenRule {
  const lower = phrases.map((phrase) => phrase.toLowerCase().trim()).filter(Boolean);
  const alternatives = lower.map((phrase) =>
    `${/^[\p{L}\p{N}]/u.test(phrase) ? "(?<![\\p{L}\\p{N}])" : ""}${RegExp.escape(phrase)}${
      /[\p{L}\p{N}]$/u.test(phrase) ? "(?![\\p{L}\\p{N}])" : ""
    }`
  );
  const longest = Math.max(0, ...lower.map(({ length }) => length));
  return (tokens) => {
    // Of the text no more can matter than one character before the longest phrase.
    const before = pieces.text(tokens).toLowerCase().slice(-longest - 1);
    return (id) => {
      const text = before + pieces.piece(id).toLowerCase();
      const standing = new RegExp(alternatives.join("|"), "gu");
      return [...text.matchAll(standing)].some((match) =>
          match.index + match[0].length > before.length
        )
        ? FORBIDDEN
        : 0;
    };
  };
}
