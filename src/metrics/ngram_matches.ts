/** Clipped n-gram matches against several references: the statistics of BLEU and of COCO BLEU. */
import type { NgramBag, NgramIndex } from "./ngram_index.ts";

/** Statistics per segment for n-grams up to `maxOrder`: two lengths, matches and totals by order. */
export function matchWidth(maxOrder: number): number {
  return 2 + 2 * maxOrder;
}

/**
 * Writes `[hypothesis length, closest reference length, matches of order 1.., totals of order 1..]`.
 * A hypothesis n-gram matches as often as in the reference that has it most (Papineni et al., 2002).
 *
 * @param index the index that made the bags
 * @param row `matchWidth(index.maxOrder)` values, zero on entry
 */
export function writeMatches(
  index: NgramIndex,
  hypothesis: NgramBag,
  references: readonly NgramBag[],
  row: Float64Array,
): void {
  const limits = new Int32Array(index.size);
  for (const { ngrams, counts } of references) {
    for (let k = 0; k < ngrams.length; k++) {
      const ngram = ngrams[k]!;
      if (counts[k]! > limits[ngram]!) limits[ngram] = counts[k]!;
    }
  }
  row[0] = hypothesis.length;
  row[1] = closestLength(hypothesis.length, references.map((reference) => reference.length));
  for (let k = 0; k < hypothesis.ngrams.length; k++) {
    const ngram = hypothesis.ngrams[k]!;
    row[1 + index.orderOf(ngram)]! += Math.min(hypothesis.counts[k]!, limits[ngram]!);
  }
  for (let n = 1; n <= index.maxOrder; n++) {
    row[1 + index.maxOrder + n] = Math.max(0, hypothesis.length - n + 1);
  }
}

/** The reference length closest to `length`, the shorter of two equally close ones. */
export function closestLength(length: number, references: readonly number[]): number {
  let closest = Infinity;
  for (const reference of references) {
    const distance = Math.abs(reference - length) - Math.abs(closest - length);
    if (distance < 0 || (distance === 0 && reference < closest)) closest = reference;
  }
  return closest;
}
