/**
 * Words that are to stand in a text, in any inflection. A text is worth something by how much of them it
 * has: so much for each word, and a part of that for one that its last letters begin. A token gains what
 * it adds to that worth, and loses what it undoes; so a word gains once, however often it comes. While
 * words are missing the text does not end.
 */
import { stemsOf } from "../metrics/coverage.ts";
import type { TokenPieces } from "./token_pieces.ts";
import type { TokenRule } from "./token_rules.ts";

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
const LAST_WORD = /[\p{L}\p{M}\p{N}]*$/u;
const PARTS = /^([\p{L}\p{M}\p{N}]*)(.*?)([\p{L}\p{M}\p{N}]*)$/su;

/** What a word is worth, in nats. */
const WORTH = 2;

/** Words of a line, at most: as many as a number has bits. */
const MOST_WORDS = 30;

/** How many of some words a text has, and how much of the next one: less than 1. */
interface Progress {
  readonly count: number;
  readonly begun: number;
}

/** Which of some words a text has. */
export class WantedWords {
  /** In lower case, all different, and their stems. */
  readonly #words: readonly string[];
  readonly #stems: readonly string[];
  /** Of words met: which of the wanted they are. */
  readonly #known = new Map<string, number>();

  /** @param words words, or several with spaces between them */
  constructor(words: readonly string[]) {
    const single = words.flatMap((word) => word.toLowerCase().match(WORD) ?? []);
    this.#words = [...new Set(single)].slice(0, MOST_WORDS);
    this.#stems = this.#words.map((word) => stemsOf(word)[0]!);
  }

  /** How many there are. */
  get count(): number {
    return this.#words.length;
  }

  /** How many of them a text has. */
  countIn(text: string): number {
    return bitCount(this.#found(text.toLowerCase()));
  }

  /** Those that a text has not. */
  missingIn(text: string): string[] {
    const found = this.#found(text.toLowerCase());
    return this.#words.filter((_, i) => (found & 1 << i) === 0);
  }

  /** What there is of them in a text that goes on with a piece. */
  behind(text: string): (piece: string) => Progress {
    const lower = text.toLowerCase();
    const start = lower.search(LAST_WORD);
    const before = this.#found(lower.slice(0, start));
    const last = lower.slice(start);
    return (piece) => {
      const { head, words, tail } = partsOf(piece);
      const joined = last + head;
      const open = tail ?? joined;
      const found = [joined, ...words, open].reduce(
        (bits, word) => word === "" ? bits : bits | this.#wantedBy(word),
        before,
      );
      const begun = open === ""
        ? []
        : this.#words.map((word, i) =>
          (found & 1 << i) === 0 && word.startsWith(open) ? open.length / (word.length + 1) : 0
        );
      return { count: bitCount(found), begun: Math.max(0, ...begun) };
    };
  }

  #found(lower: string): number {
    let found = 0;
    for (const [word] of lower.matchAll(WORD)) found |= this.#wantedBy(word);
    return found;
  }

  /** The wanted words that a word is, a bit for each. */
  #wantedBy(word: string): number {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const stems = rememberedStems(word);
    const bits = this.#stems.reduce(
      (bits, stem, i) => stems.includes(stem) ? bits | 1 << i : bits,
      0,
    );
    this.#known.set(word, bits);
    return bits;
  }
}

/** A piece of text in lower case, cut where words begin and end. */
interface Parts {
  /** What belongs to the word before it. */
  readonly head: string;
  /** Words that begin and end in it. */
  readonly words: readonly string[];
  /** What is open at its end, perhaps nothing; undefined where all of it is the head. */
  readonly tail: string | undefined;
}

/** Of pieces of vocabularies, and stems of what they make: they come again in every line. */
const knownParts = new Map<string, Parts>();
const knownStems = new Map<string, readonly string[]>();

/** Entries that are remembered of each. */
const REMEMBERED = 50_000;

function partsOf(piece: string): Parts {
  return remember(knownParts, piece, () => {
    const [, head = "", middle = "", tail] = PARTS.exec(piece.toLowerCase())!;
    return { head, words: middle.match(WORD) ?? [], tail: middle === "" ? undefined : tail };
  });
}

function rememberedStems(word: string): readonly string[] {
  return remember(knownStems, word, () => stemsOf(word));
}

function remember<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= REMEMBERED) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The rule for words that are to stand in a text. */
export function wanting(wanted: WantedWords, endId: number, pieces: TokenPieces): TokenRule {
  return (tokens) => {
    const behind = wanted.behind(pieces.text(tokens));
    const { count, begun } = behind("");
    return (id) => {
      if (id === endId) return count < wanted.count ? -Infinity : 0;
      const after = behind(pieces.piece(id));
      return WORTH * (after.count + after.begun - count - begun);
    };
  };
}

/** How many of the tokens of a word, but not all, stand at the end of others. */
function begunTokens(word: readonly number[], tokens: readonly number[]): number {
  for (let begun = word.length - 1; begun > 0; begun--) {
    if (word.slice(0, begun).every((id, k) => tokens.at(k - begun) === id)) return begun;
  }
  return 0;
}

/**
 * How far a text is with the wanted words, by its tokens and the one that it goes on with: how many it
 * has, and which part of the tokens of another one stands at its end.
 */
export function progressOf(
  wanted: WantedWords,
  pieces: TokenPieces,
): (tokens: readonly number[]) => (id: number) => number {
  const several = wanted.missingIn("").map((word) => ({ word, tokens: pieces.tokensOf(word) }))
    .filter(({ tokens }) => tokens.length > 1);
  const beginnings = new Set(several.flatMap(({ tokens }) => tokens.slice(0, -1)));
  return (tokens) => {
    const text = pieces.text(tokens);
    const behind = wanted.behind(text);
    const missing = new Set(wanted.missingIn(text));
    return (id) => {
      const { count } = behind(pieces.piece(id));
      if (!beginnings.has(id)) return count;
      const shares = several.filter(({ word }) => missing.has(word))
        .map((word) => begunTokens(word.tokens, [...tokens, id]) / word.tokens.length);
      return count + Math.max(0, ...shares);
    };
  };
}

/**
 * A token that brings a text nearer to the wanted words: the next one of a word that its last tokens
 * begin, else the first one of a missing word, of another one by turns.
 */
export function wishesOf(
  wanted: WantedWords,
  pieces: TokenPieces,
): (tokens: readonly number[], turn: number) => number | undefined {
  return (tokens, turn) => {
    const missing = wanted.missingIn(pieces.text(tokens)).map((word) => pieces.tokensOf(word));
    const begun = missing.find((word) => begunTokens(word, tokens) > 0);
    if (begun !== undefined) return begun[begunTokens(begun, tokens)];
    return missing[turn % missing.length]?.[0];
  };
}
