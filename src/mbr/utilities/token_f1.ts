/**
 * Token F1, as in question answering (Rajpurkar et al. 2016) but over the words of
 * {@linkcode words}, articles and punctuation included: the harmonic mean of precision and recall of
 * the bags of words, 2m / (|h| + |h'|). An empty text scores 0, even against itself.
 */

import { words } from "../tokenize.ts";
import { ngramUtility } from "./ngram_utility.ts";
import type { Utility } from "./utility.ts";

/** F1 of the bags of words. */
export const tokenF1: Utility = ngramUtility({
  maxOrder: 1,
  split: words,
  score(matches, m, reference, r, hypothesis, h) {
    return matches[m]! === 0 ? 0 : 2 * matches[m]! / (reference[r]! + hypothesis[h]!);
  },
});
