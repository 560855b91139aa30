/** Learns the merges of byte-level BPE from counted words. */

import { BYTE_CHARACTERS } from "./byte_alphabet.ts";
import { Heap } from "./heap.ts";
import type { TokenPair } from "./merges.ts";
import { WordTable } from "./word_table.ts";

/** The tokens that frame a sequence; their place here is their id. */
export const SPECIAL_TOKENS = ["<pad>", "<s>", "</s>"] as const;

/** The smallest vocabulary: the special tokens and one token for each byte. */
export const MIN_VOCAB_SIZE: number = SPECIAL_TOKENS.length + BYTE_CHARACTERS.length;

/** What training learns: the tokens in the order of their ids, and the merges in order of use. */
export interface LearnedVocabulary {
  /** Token of each id, in the byte alphabet. */
  readonly tokens: readonly string[];
  /** Pairs in the order in which they were merged. */
  readonly merges: readonly TokenPair[];
}

/**
 * Merges the most frequent pair of neighbours, the one of lower ids where counts are equal, over and
 * over.
 *
 * @param counts how often each word (see `splitWords`) occurs
 * @param vocabSize number of tokens at which to stop
 * @param minFrequency count below which a pair is left alone
 */
export function learnMerges(
  counts: ReadonlyMap<string, number>,
  vocabSize: number,
  minFrequency: number,
): LearnedVocabulary {
  const tokens: string[] = [...SPECIAL_TOKENS, ...BYTE_CHARACTERS.toSorted()];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const words = new WordTable(counts, idOf);
  const pairs = new PairQueue(words, vocabSize);
  const merges = new Map<number, TokenPair>();
  while (tokens.length < vocabSize) {
    const best = pairs.takeBest(Math.max(minFrequency, 1));
    if (best === undefined) break;
    const left = Math.floor(best.pair / vocabSize);
    const right = best.pair % vocabSize;
    const token = tokens[left]! + tokens[right]!;
    // The token may be there already: made of another pair, or a special token that a word spells.
    const id = idOf.get(token) ?? tokens.push(token) - 1;
    idOf.set(token, id);
    // A pair that comes up again is merged again, and counts where it was merged last.
    merges.delete(best.pair);
    merges.set(best.pair, [tokens[left]!, tokens[right]!]);
    for (const word of best.words) words.merge(word, left, right, id, pairs.count);
    pairs.enqueueFound();
  }
  return { tokens, merges: [...merges.values()] };
}

/** A pair of neighbours waiting to be merged. */
interface Candidate {
  /** left · vocabSize + right: in the order of the ids. */
  readonly pair: number;
  /** Occurrences in the text when the entry was made or last looked at. */
  count: number;
  /** Words in which the pair was found when the entry was made. */
  readonly words: readonly number[];
}

/** Counts pairs of neighbours and gives out the most frequent. */
class PairQueue {
  readonly #words: WordTable;
  readonly #vocabSize: number;
  readonly #counts = new Map<number, number>();
  readonly #queue = new Heap<Candidate>((a, b) => b.count - a.count || a.pair - b.pair);
  /** Words in which pairs have come up since the last call of `enqueueFound`. */
  #found = new Map<number, number[]>();

  constructor(words: WordTable, vocabSize: number) {
    this.#words = words;
    this.#vocabSize = vocabSize;
    for (let word = 0; word < words.size; word++) {
      const symbols = words.symbolsOf(word);
      for (let at = 1; at < symbols.length; at++) {
        this.count(symbols[at - 1]!, symbols[at]!, word, 1);
      }
    }
    this.enqueueFound();
  }

  /** Notes that a pair has come up in a word (`times` 1) or has gone from it (-1). */
  readonly count = (left: number, right: number, word: number, times: 1 | -1): void => {
    const pair = left * this.#vocabSize + right;
    const before = this.#counts.get(pair) ?? 0;
    this.#counts.set(pair, before + times * this.#words.countOf(word));
    if (times < 0) return;
    const places = this.#found.get(pair);
    if (places === undefined) this.#found.set(pair, [word]);
    else if (places.at(-1) !== word) places.push(word);
  };

  /** Puts the pairs that have come up in the queue. */
  enqueueFound(): void {
    for (const [pair, words] of this.#found) {
      const count = this.#counts.get(pair)!;
      if (count > 0) this.#queue.push({ pair, count, words });
    }
    this.#found = new Map();
  }

  /** The most frequent pair; undefined where none occurs `minCount` times. */
  takeBest(minCount: number): Candidate | undefined {
    for (;;) {
      const best = this.#queue.pop();
      if (best === undefined) return undefined;
      const count = this.#counts.get(best.pair)!;
      if (best.count === count) return count < minCount ? undefined : best;
      // Merges of overlapping pairs have changed the count: back to where it belongs now.
      best.count = count;
      this.#queue.push(best);
    }
  }
}
