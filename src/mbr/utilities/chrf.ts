/**
 * chrF (Popović 2015) as sacreBLEU computes it for a sentence, divided by 100: F2 of the precision
 * and recall of character n-grams, n = 1..6, white space left out, case kept. Orders that one of the
 * texts is too short for are left out of the means. An empty text scores 0, even against itself.
 */

import { characters } from "../tokenize.ts";
import { ngramUtility } from "./ngram_utility.ts";
import type { Utility } from "./utility.ts";

const MAX_ORDER = 6;

/** β², the weight of recall: β = 2. */
const BETA_SQUARED = 4;

/** Sentence chrF2 between 0 and 1. */
export const chrf: Utility = ngramUtility({
  maxOrder: MAX_ORDER,
  split: characters,
  score(matches, m, reference, r, hypothesis, h) {
    let precision = 0, recall = 0, orders = 0;
    for (let n = 0; n < MAX_ORDER; n++) {
      const inReference = reference[r + n]!, inHypothesis = hypothesis[h + n]!;
      if (inReference === 0 || inHypothesis === 0) break;
      precision += matches[m + n]! / inHypothesis;
      recall += matches[m + n]! / inReference;
      orders++;
    }
    if (precision === 0) return 0;
    precision /= orders;
    recall /= orders;
    return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall);
  },
});
