/**
 * How varied outputs are: distinct-n (Li et al., 2016), Div-4 (Deshpande et al., 2019) and
 * Self-BLEU (Zhu et al., 2018).
 */
import {
  bleuFields,
  bleuFromStatistics,
  type BleuOptions,
  checkBleuOptions,
  preprocessForBleu,
} from "./bleu.ts";
import { type NgramBag, NgramIndex } from "./ngram_index.ts";
import { closestLength, matchWidth } from "./ngram_matches.ts";
import { ARDIFF_VERSION, signature } from "./signature.ts";
import { Vocabulary } from "./vocabulary.ts";

/**
 * Distinct-1 to distinct-`maxOrder` of a set of texts, 0 to 1: different n-grams of all texts
 * together by the number of n-grams; 0 where no text is long enough. Tokens are BLEU's.
 */
export function distinct(
  texts: readonly string[],
  options: BleuOptions = {},
  maxOrder = 4,
): number[] {
  checkBleuOptions(options);
  const index = new NgramIndex(maxOrder);
  const vocabulary = new Vocabulary();
  const totals = new Array<number>(maxOrder).fill(0);
  for (const text of texts) {
    const { length } = index.bag(vocabulary.ids(preprocessForBleu(text, options)));
    for (let n = 1; n <= maxOrder; n++) totals[n - 1]! += Math.max(0, length - n + 1);
  }
  const different = new Array<number>(maxOrder).fill(0);
  for (let ngram = 1; ngram < index.size; ngram++) different[index.orderOf(ngram) - 1]!++;
  return different.map((count, k) => totals[k]! > 0 ? count / totals[k]! : 0);
}

/** Div-4 of the candidates of one source, 0 to 1: their distinct-4. Higher is more varied. */
export function div4(candidates: readonly string[], options: BleuOptions = {}): number {
  return distinct(candidates, options, 4)[3]!;
}

/** Longest n-gram of Self-BLEU. */
const MAX_ORDER = 4;

/**
 * Self-BLEU of a set of texts, 0 to 100: the mean sentence BLEU of each text with all the others as
 * references. Lower is more varied. Costs as much as reading the n-grams twice, not a comparison of
 * all pairs: of each n-gram it keeps the two highest counts, of which one is not the text's own.
 *
 * @param texts at least two
 */
export function selfBleu(texts: readonly string[], options: BleuOptions = {}): number {
  if (texts.length < 2) {
    throw new RangeError(`Cannot compute Self-BLEU of ${texts.length} text: expected two or more`);
  }
  checkBleuOptions(options);
  const index = new NgramIndex(MAX_ORDER);
  const vocabulary = new Vocabulary();
  const bags = texts.map((text) => index.bag(vocabulary.ids(preprocessForBleu(text, options))));
  const others = new OtherTexts(index, bags);
  const bleuOptions = { effectiveOrder: true, ...options, maxOrder: MAX_ORDER };
  const row = new Float64Array(matchWidth(MAX_ORDER));
  let sum = 0;
  for (const [text, { ngrams, counts, length }] of bags.entries()) {
    row.fill(0);
    row[0] = length;
    row[1] = others.closestLength(text);
    for (let k = 0; k < ngrams.length; k++) {
      const limit = others.highestCount(ngrams[k]!, text);
      row[1 + index.orderOf(ngrams[k]!)]! += Math.min(counts[k]!, limit);
    }
    for (let n = 1; n <= MAX_ORDER; n++) row[1 + MAX_ORDER + n] = Math.max(0, length - n + 1);
    sum += bleuFromStatistics(row, bleuOptions).score;
  }
  return sum / texts.length;
}

/** What all texts of a set but one have in common with it. */
class OtherTexts {
  readonly #bags: readonly NgramBag[];
  readonly #highest: Int32Array;
  readonly #second: Int32Array;
  /** The text that has the highest count. */
  readonly #holder: Int32Array;
  /** Texts of each length. */
  readonly #lengths = new Map<number, number>();

  constructor(index: NgramIndex, bags: readonly NgramBag[]) {
    this.#bags = bags;
    this.#highest = new Int32Array(index.size);
    this.#second = new Int32Array(index.size);
    this.#holder = new Int32Array(index.size);
    for (const [text, { ngrams, counts, length }] of bags.entries()) {
      this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
      for (let k = 0; k < ngrams.length; k++) this.#note(ngrams[k]!, counts[k]!, text);
    }
  }

  #note(ngram: number, count: number, text: number): void {
    if (count > this.#highest[ngram]!) {
      this.#second[ngram] = this.#highest[ngram]!;
      this.#highest[ngram] = count;
      this.#holder[ngram] = text;
    } else if (count > this.#second[ngram]!) {
      this.#second[ngram] = count;
    }
  }

  /** The most occurrences of an n-gram in any text but this one. */
  highestCount(ngram: number, text: number): number {
    return (this.#holder[ngram] === text ? this.#second : this.#highest)[ngram]!;
  }

  /** The length of another text that is closest to this one's. */
  closestLength(text: number): number {
    const { length } = this.#bags[text]!;
    if (this.#lengths.get(length)! > 1) return length;
    return closestLength(length, [...this.#lengths.keys()].filter((other) => other !== length));
  }
}

/** What is compared with itself: all outputs, or the candidates of each source. */
type DiversitySet = "corpus" | "candidates";

/** What distinct-n and Div-4 depend on, in the format of sacreBLEU's signatures. */
export function distinctSignature(set: DiversitySet, options: BleuOptions = {}): string {
  const { case: casing, tok } = bleuFields(options);
  return signature({ case: casing, tok, set }, ARDIFF_VERSION);
}

/** What Self-BLEU depends on, in the format of sacreBLEU's signatures. */
export function selfBleuSignature(set: DiversitySet, options: BleuOptions = {}): string {
  return signature({ ...bleuFields({ effectiveOrder: true, ...options }), set }, ARDIFF_VERSION);
}
