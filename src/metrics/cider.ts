/**
 * CIDEr-D (Vedantam et al., 2015) as pycocoevalcap computes it: TF-IDF weighted n-grams of order 1
 * to 4, counts clipped to the reference's, a Gaussian penalty on the difference in length, times
 * ten. Document frequencies are those of the references scored against, so a score depends on the
 * whole set and a corpus of one segment scores 0.
 */
import { type CaptionOptions, captionTokens, checkCaptionOptions } from "./coco_bleu.ts";
import { type NgramBag, NgramIndex } from "./ngram_index.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { PYCOCOEVALCAP_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { Vocabulary } from "./vocabulary.ts";

const MAX_ORDER = 4;
const SIGMA = 6;

/** CIDEr-D per segment, in one column, so that the corpus score is the mean. */
export function ciderStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: CaptionOptions = {},
): SegmentStatistics {
  checkCaptionOptions(options, "CIDEr-D");
  checkAligned(hypotheses, references);
  const index = new NgramIndex(MAX_ORDER);
  const vocabulary = new Vocabulary();
  const bag = (line: string) => index.bag(vocabulary.ids(captionTokens(line, options)));
  const hypothesisBags = hypotheses.map(bag);
  const referenceBags = references.map((list) => list.map(bag));
  const similarity = new Similarity(index, referenceBags);
  const statistics = new SegmentStatistics(hypotheses.length, 2);
  for (const [segment, hypothesis] of hypothesisBags.entries()) {
    const scores = referenceBags[segment]!.map((reference) =>
      similarity.between(hypothesis, reference)
    );
    const mean = scores.reduce((a, b) => a + b) / scores.length;
    statistics.row(segment).set([10 * mean, 1]);
  }
  return statistics;
}

/** The similarity of two texts under the document frequencies of a set of references. */
class Similarity {
  readonly #index: NgramIndex;
  /** log(segments) - log(segments whose references have it), by n-gram. */
  readonly #idf: Float64Array;
  /** Occurrences in the reference at hand; all zero between calls. */
  readonly #tally: Int32Array;

  constructor(index: NgramIndex, references: readonly (readonly NgramBag[])[]) {
    const frequency = new Int32Array(index.size);
    const lastSegment = new Int32Array(index.size).fill(-1);
    for (const [segment, bags] of references.entries()) {
      for (const { ngrams } of bags) {
        for (const ngram of ngrams) {
          if (lastSegment[ngram] === segment) continue;
          lastSegment[ngram] = segment;
          frequency[ngram]!++;
        }
      }
    }
    const total = Math.log(references.length);
    this.#index = index;
    this.#idf = Float64Array.from(frequency, (count) => total - Math.log(Math.max(1, count)));
    this.#tally = new Int32Array(index.size);
  }

  /** Mean over the orders of the clipped cosine, scaled by the length penalty. */
  between(hypothesis: NgramBag, reference: NgramBag): number {
    for (const [k, ngram] of reference.ngrams.entries()) {
      this.#tally[ngram] = reference.counts[k]!;
    }
    const dots = new Float64Array(MAX_ORDER);
    for (const [k, ngram] of hypothesis.ngrams.entries()) {
      const inReference = this.#tally[ngram]!;
      const common = Math.min(hypothesis.counts[k]!, inReference);
      dots[this.#index.orderOf(ngram) - 1]! += common * inReference * this.#idf[ngram]! ** 2;
    }
    for (const ngram of reference.ngrams) this.#tally[ngram] = 0;

    const [a, b] = [this.#norms(hypothesis), this.#norms(reference)];
    const cosine = dots.map((dot, k) => a[k] !== 0 && b[k] !== 0 ? dot / (a[k]! * b[k]!) : dot);
    // pycocoevalcap measures length in bigrams: the same difference but for empty texts.
    const delta = Math.max(0, hypothesis.length - 1) - Math.max(0, reference.length - 1);
    const penalty = Math.exp(-(delta ** 2) / (2 * SIGMA ** 2));
    return penalty * cosine.reduce((x, y) => x + y) / MAX_ORDER;
  }

  /** Euclidean norm of the weighted counts of each order. */
  #norms(bag: NgramBag): Float64Array {
    const squares = new Float64Array(MAX_ORDER);
    for (const [k, ngram] of bag.ngrams.entries()) {
      squares[this.#index.orderOf(ngram) - 1]! += (bag.counts[k]! * this.#idf[ngram]!) ** 2;
    }
    return squares.map(Math.sqrt);
  }
}

/** CIDEr-D on pycocoevalcap's scale, 0 to 10, of summed statistics. */
export function ciderFromStatistics(sums: Float64Array): number {
  return sums[0]! / sums[1]!;
}

/**
 * Corpus CIDEr-D on pycocoevalcap's scale, 0 to 10. Papers print it times 100 (COCO) or times 10
 * (CommonGen).
 */
export function corpusCider(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: CaptionOptions = {},
): number {
  return ciderFromStatistics(ciderStatistics(hypotheses, references, options).sum());
}

/** What CIDEr-D depends on, in the format of sacreBLEU's signatures. */
export function ciderSignature(
  nrefs: number | "var",
  options: CaptionOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: options.lowercase ? "lc" : "mixed",
    tok: "treebank",
    n: MAX_ORDER,
    sigma: SIGMA,
    idf: "references",
  };
  return signature(fields, PYCOCOEVALCAP_VERSION, nrefs, bootstrap);
}
