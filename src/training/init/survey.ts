/**
 * What there is to know of a data set before a model is made for it: how many pairs, how long, in
 * which scripts, how many twice, and how much of a source stands in its target. Pairs are looked at
 * once, as they come; some, at equal distances, are kept as a sample.
 */
import { hasSpaces, type Script, ScriptCounter } from "./writing.ts";

/** A source and its target. */
export interface SurveyedPair {
  readonly source: string;
  readonly target: string;
}

/** One side of the pairs. */
export interface SideSurvey {
  /** Mean and longest length, in words as spaces part them. */
  readonly meanWords: number;
  readonly longestWords: number;
  /** All words, and how many different ones. */
  readonly words: number;
  readonly distinctWords: number;
  readonly meanCharacters: number;
  /** The scripts that its letters are in, the most frequent first. */
  readonly scripts: readonly Script[];
  /** How many of its texts end in a full stop or another mark that ends a sentence. */
  readonly sentenceShare: number;
}

/** What was found. */
export interface Survey {
  /** Pairs with text on both sides, and those without, which nothing can be learnt from. */
  readonly pairs: number;
  readonly emptyPairs: number;
  /** Pairs that stand there again, and different sources. */
  readonly repeatedPairs: number;
  readonly distinctSources: number;
  /** Pairs whose sides are the same text. */
  readonly equalSides: number;
  readonly source: SideSurvey;
  readonly target: SideSurvey;
  /** Mean share of a source's different words that stand in its target, case aside. */
  readonly copiedShare: number;
  /** Some of the pairs, at equal distances. */
  readonly sample: readonly SurveyedPair[];
}

/** Pairs that are kept at most. */
const SAMPLE = 20_000;
/** A script with fewer of the letters is a foreign name here and there. */
const SCRIPT_SHARE = 0.02;
const SENTENCE_END = /[.!?…。！？।؟]["'”’»)\]]*$/;

/** Looks at pairs one after another. */
export class Surveyor {
  readonly #source = new Side();
  readonly #target = new Side();
  readonly #seenPairs = new Set<number>();
  readonly #seenSources = new Set<number>();
  #sample: SurveyedPair[] = [];
  /** Every so many pairs one is kept. */
  #stride = 1;
  #pairs = 0;
  #empty = 0;
  #equal = 0;
  #copied = 0;

  /** Looks at a pair. */
  add({ source, target }: SurveyedPair): void {
    if (source.trim() === "" || target.trim() === "") {
      this.#empty++;
      return;
    }
    if (this.#pairs++ % this.#stride === 0) this.#keep({ source, target });
    this.#seenSources.add(hashOf(source));
    this.#seenPairs.add(hashOf(`${source}\t${target}`));
    if (source === target) this.#equal++;
    this.#source.add(source);
    this.#target.add(target);
    this.#copied += copiedShare(source, target);
  }

  /** What was found; there must have been a pair. */
  survey(): Survey {
    return {
      pairs: this.#pairs,
      emptyPairs: this.#empty,
      repeatedPairs: this.#pairs - this.#seenPairs.size,
      distinctSources: this.#seenSources.size,
      equalSides: this.#equal,
      source: this.#source.survey(),
      target: this.#target.survey(),
      copiedShare: this.#copied / this.#pairs,
      sample: this.#sample,
    };
  }

  /** Keeps a pair; a sample that is full loses every other one. */
  #keep(pair: SurveyedPair): void {
    this.#sample.push(pair);
    if (this.#sample.length < SAMPLE) return;
    this.#sample = this.#sample.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }
}

/** The texts of one side. */
class Side {
  readonly #scripts = new ScriptCounter();
  readonly #distinct = new Set<number>();
  #texts = 0;
  #words = 0;
  #longest = 0;
  #characters = 0;
  #sentences = 0;

  add(text: string): void {
    const words = text.trim().split(/\s+/);
    this.#texts++;
    this.#words += words.length;
    this.#longest = Math.max(this.#longest, words.length);
    this.#characters += text.length;
    if (SENTENCE_END.test(text.trimEnd())) this.#sentences++;
    for (const word of words) this.#distinct.add(hashOf(word));
    this.#scripts.add(text);
  }

  survey(): SideSurvey {
    return {
      meanWords: this.#words / this.#texts,
      longestWords: this.#longest,
      words: this.#words,
      distinctWords: this.#distinct.size,
      meanCharacters: this.#characters / this.#texts,
      scripts: this.#scripts.atLeast(SCRIPT_SHARE),
      sentenceShare: this.#sentences / this.#texts,
    };
  }
}

/**
 * Words that a side has to be learnt of: as spaces part them, or two characters each where there are
 * none.
 */
export function wordsToLearn({ words, meanWords, meanCharacters, scripts }: SideSurvey): number {
  return hasSpaces(scripts[0]) ? words : words / meanWords * meanCharacters / 2;
}

/** The share of a source's different words that stand in its target; 0 where it has none. */
function copiedShare(source: string, target: string): number {
  const words = wordSet(source);
  if (words.size === 0) return 0;
  return words.intersection(wordSet(target)).size / words.size;
}

function wordSet(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
}

/** A hash of 53 bits: of millions of texts, hardly two share one. */
function hashOf(text: string): number {
  let high = 0x811c9dc5, low = 0xc9dc5118;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b) ^ low >>> 13;
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}
