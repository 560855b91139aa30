/**
 * NIST (Doddington, 2002) as mteval-v13a computes it, and the script of the E2E NLG Challenge after it:
 * matched n-grams of order 1 to 5 weigh as much as they tell, log2 of how many times rarer an n-gram is
 * in the references than its first n-1 words, summed per n-gram of the output. Weights are those of the
 * references scored against, so a score depends on the whole set. mteval lower-cases unless told otherwise.
 */
import { type BleuTokenizer, bleuTokens } from "./bleu_tokenizers.ts";
import { type NgramBag, NgramIndex } from "./ngram_index.ts";
import { trimEnd } from "./python_text.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { signature, type SignatureBootstrap } from "./signature.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Options of NIST. */
export interface NistOptions {
  /** Default `13a`, which is mteval's. */
  readonly tokenize?: BleuTokenizer;
  /** Lower-case both sides. Default false. */
  readonly lowercase?: boolean;
}

const MAX_ORDER = 5;
/** The penalty is one half where the output has two thirds of the references' words. */
const BETA = Math.log(2) / Math.log(1.5) ** 2;

/**
 * NIST's sufficient statistics per segment:
 * `[reference length, information of matches of order 1.., n-grams of order 1..]`, the first the mean of
 * the references'.
 */
export function nistStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: NistOptions = {},
): SegmentStatistics {
  checkAligned(hypotheses, references);
  const index = new NgramIndex(MAX_ORDER);
  const vocabulary = new Vocabulary();
  const bag = (line: string) => {
    const text = options.lowercase ? line.toLowerCase() : line;
    return index.bag(vocabulary.ids(bleuTokens(trimEnd(text), options.tokenize ?? "13a")));
  };
  const hypothesisBags = hypotheses.map(bag);
  const referenceBags = references.map((list) => list.map(bag));
  const information = informationOf(index, referenceBags.flat());
  const limits = new Int32Array(index.size);
  const statistics = new SegmentStatistics(hypotheses.length, 1 + 2 * MAX_ORDER);
  for (const [segment, { ngrams, counts, length }] of hypothesisBags.entries()) {
    const row = statistics.row(segment);
    const bags = referenceBags[segment]!;
    row[0] = bags.reduce((sum, reference) => sum + reference.length, 0) / bags.length;
    forEach(bags, (ngram, count) => limits[ngram] = Math.max(limits[ngram]!, count));
    for (const [k, ngram] of ngrams.entries()) {
      row[index.orderOf(ngram)]! += Math.min(counts[k]!, limits[ngram]!) * information[ngram]!;
    }
    forEach(bags, (ngram) => limits[ngram] = 0);
    for (let n = 1; n <= MAX_ORDER; n++) row[MAX_ORDER + n] = Math.max(0, length - n + 1);
  }
  return statistics;
}

/** NIST, 0 and up, of summed statistics. */
export function nistFromStatistics(sums: Float64Array): number {
  let score = 0;
  for (let n = 1; n <= MAX_ORDER; n++) {
    const total = sums[MAX_ORDER + n]!;
    if (total > 0) score += sums[n]! / total;
  }
  const ratio = sums[MAX_ORDER + 1]! / sums[0]!;
  if (ratio >= 1) return score;
  return ratio > 0 ? score * Math.exp(-BETA * Math.log(ratio) ** 2) : 0;
}

/** What NIST depends on, in the format of sacreBLEU's signatures. */
export function nistSignature(
  nrefs: number | "var",
  options: NistOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: options.lowercase ? "lc" : "mixed",
    tok: options.tokenize ?? "13a",
    n: MAX_ORDER,
    info: "references",
  };
  return signature(fields, "mteval-13a-ardiff", nrefs, bootstrap);
}

/** Bits that an n-gram tells beyond its first n-1 words, by n-gram; of those the references lack, 0. */
function informationOf(index: NgramIndex, references: readonly NgramBag[]): Float64Array {
  const counts = new Float64Array(index.size);
  forEach(references, (ngram, count) => counts[ngram]! += count);
  counts[0] = references.reduce((sum, { length }) => sum + length, 0); // what the empty n-gram precedes
  return counts.map((count, ngram) =>
    ngram === 0 || count === 0 ? 0 : Math.log2(counts[index.prefixOf(ngram)]! / count)
  );
}

function forEach(
  bags: readonly NgramBag[],
  visit: (ngram: number, count: number) => void,
): void {
  for (const { ngrams, counts } of bags) {
    for (const [k, ngram] of ngrams.entries()) visit(ngram, counts[k]!);
  }
}
