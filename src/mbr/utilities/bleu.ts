/**
 * Sentence BLEU-4 with +1 smoothing, the utility of the paper's runs.
 *
 *   BLEU(h, h') = min(1, exp(1 - |h| / |h'|)) · (∏ n=1..4 (m_n + 1) / (t_n + 1))^(1/4)
 *
 * h is the reference, h' the hypothesis, |·| a length in words, m_n the clipped n-gram matches and
 * t_n = max(|h'| - n + 1, 0) the n-grams of the hypothesis. One is added at every order, unigrams
 * included, as in Moses' sentence BLEU and in the script behind the paper's figures; NLTK's `method2`
 * and sacreBLEU's `add-k` leave unigrams alone. Words are those of {@linkcode words}: mteval-v13a,
 * lower-cased, as in that script.
 *
 * It differs from the script where the script leaves the range of BLEU: there t_3 and t_4 of a
 * hypothesis of one or two words are negative and its score is in the hundreds or more; here they are
 * 0. An empty hypothesis scores 0, even against an empty reference.
 */

import { words } from "../tokenize.ts";
import { ngramUtility } from "./ngram_utility.ts";
import type { Utility } from "./utility.ts";

/** Sentence BLEU-4 with +1 smoothing at every order. */
export const bleu: Utility = ngramUtility({
  maxOrder: 4,
  split: words,
  score(matches, m, _reference, _r, hypothesis, h) {
    let numerator = 1, denominator = 1;
    for (let n = 0; n < 4; n++) {
      numerator *= matches[m + n]! + 1;
      denominator *= hypothesis[h + n]! + 1;
    }
    return Math.sqrt(Math.sqrt(numerator / denominator));
  },
  penalty: brevityPenalty,
});

/** BLEU's penalty for a hypothesis shorter than its reference, lengths in words. */
function brevityPenalty(referenceLength: number, hypothesisLength: number): number {
  if (hypothesisLength === 0) return 0;
  return hypothesisLength >= referenceLength ? 1 : Math.exp(1 - referenceLength / hypothesisLength);
}
