/** chrF (Popović, 2015) and chrF++ (Popović, 2017) as sacreBLEU 2.6 defines them. */
import { expectKnownOptions, type OptionNames } from "../option_names.ts";
import { type NgramBag, NgramIndex } from "./ngram_index.ts";
import { codePoints, splitWhitespace } from "./python_text.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { SACREBLEU_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { Vocabulary } from "./vocabulary.ts";

/** sacreBLEU's options, with its defaults. */
export interface ChrfOptions {
  /** Longest character n-gram. Default 6. */
  readonly charOrder?: number;
  /** Longest word n-gram: 0 (the default) is chrF, 2 is chrF++. */
  readonly wordOrder?: number;
  /** Weight of recall against precision. Default 2. */
  readonly beta?: number;
  /** Lower-case both sides. Default false. */
  readonly lowercase?: boolean;
  /** Count whitespace as characters. Default false. */
  readonly whitespace?: boolean;
  /**
   * Average F over all orders as chrF++.py, NLTK and Moses do; otherwise (the default) F of the
   * average precision and recall over the orders that both sides are long enough for.
   */
  readonly epsSmoothing?: boolean;
}

const OPTION_NAMES: OptionNames<ChrfOptions> = {
  charOrder: true,
  wordOrder: true,
  beta: true,
  lowercase: true,
  whitespace: true,
  epsSmoothing: true,
};

/** Statistics of one order: n-grams of the hypothesis, of the reference, and common to both. */
const PER_ORDER = 3;

const PUNCTUATION = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/** The n-grams of one text. */
interface ChrfBags {
  readonly characters: NgramBag;
  readonly words: NgramBag | undefined;
}

/**
 * chrF's sufficient statistics: for each segment those of the reference with the best F-score, as
 * `[hypothesis, reference, match]` counts for the character orders and then the word orders.
 */
export function chrfStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: ChrfOptions = {},
): SegmentStatistics {
  expectKnownOptions(options, OPTION_NAMES, "chrF");
  checkAligned(hypotheses, references);
  const wordOrder = options.wordOrder ?? 0;
  const characters = new NgramIndex(options.charOrder ?? 6);
  const words = wordOrder > 0 ? new NgramIndex(wordOrder) : undefined;
  const vocabulary = new Vocabulary();
  const bags = (line: string): ChrfBags => {
    const text = options.lowercase ? line.toLowerCase() : line;
    return {
      characters: characters.bag(
        codePoints(options.whitespace ? text : splitWhitespace(text).join("")),
      ),
      words: words?.bag(vocabulary.ids(wordsOf(text))),
    };
  };
  const width = PER_ORDER * (characters.maxOrder + wordOrder);
  const statistics = new SegmentStatistics(hypotheses.length, width);
  const row = new Float64Array(width);
  for (const [segment, text] of hypotheses.entries()) {
    characters.clear();
    words?.clear();
    const hypothesis = bags(text);
    let best = -1;
    for (const reference of references[segment]!.map(bags)) {
      row.fill(0);
      writeOverlap(characters, hypothesis.characters, reference.characters, row);
      if (words && hypothesis.words && reference.words) {
        const wordRow = row.subarray(PER_ORDER * characters.maxOrder);
        writeOverlap(words, hypothesis.words, reference.words, wordRow);
      }
      const score = chrfFromStatistics(row, options);
      if (score > best) {
        best = score;
        statistics.row(segment).set(row);
      }
    }
  }
  return statistics;
}

/** Words with one punctuation mark split off at the end or else at the start (chrF++.py). */
function wordsOf(text: string): string[] {
  return splitWhitespace(text).flatMap((word) => {
    if (word.length === 1) return [word];
    const [first, last] = [word[0]!, word.at(-1)!];
    if (PUNCTUATION.has(last)) return [word.slice(0, -1), last];
    if (PUNCTUATION.has(first)) return [first, word.slice(1)];
    return [word];
  });
}

function writeOverlap(
  index: NgramIndex,
  hypothesis: NgramBag,
  reference: NgramBag,
  row: Float64Array,
): void {
  const limits = new Int32Array(index.size);
  for (let k = 0; k < reference.ngrams.length; k++) {
    limits[reference.ngrams[k]!] = reference.counts[k]!;
  }
  for (let n = 1; n <= index.maxOrder; n++) {
    const inReference = Math.max(0, reference.length - n + 1);
    const inHypothesis = Math.max(0, hypothesis.length - n + 1);
    // Hypothesis n-grams do not count against precision where the reference has none to match.
    row[PER_ORDER * (n - 1)] = inReference > 0 ? inHypothesis : 0;
    row[PER_ORDER * (n - 1) + 1] = inReference;
  }
  for (let k = 0; k < hypothesis.ngrams.length; k++) {
    const ngram = hypothesis.ngrams[k]!;
    row[PER_ORDER * (index.orderOf(ngram) - 1) + 2]! += Math.min(
      hypothesis.counts[k]!,
      limits[ngram]!,
    );
  }
}

/** The chrF score, 0 to 100, of summed statistics. */
export function chrfFromStatistics(sums: Float64Array, options: ChrfOptions = {}): number {
  const epsilon = 1e-16;
  const factor = (options.beta ?? 2) ** 2;
  let [sumOfF, precision, recall, effectiveOrder] = [0, 0, 0, 0];
  for (let at = 0; at < sums.length; at += PER_ORDER) {
    const [inHypothesis, inReference, matched] = [sums[at]!, sums[at + 1]!, sums[at + 2]!];
    const p = inHypothesis > 0 ? matched / inHypothesis : epsilon;
    const r = inReference > 0 ? matched / inReference : epsilon;
    const denominator = factor * p + r;
    sumOfF += denominator > 0 ? (1 + factor) * p * r / denominator : epsilon;
    if (inHypothesis > 0 && inReference > 0) {
      precision += p;
      recall += r;
      effectiveOrder++;
    }
  }
  if (options.epsSmoothing) return 100 * sumOfF / (sums.length / PER_ORDER);
  if (effectiveOrder === 0 || precision + recall === 0) return 0;
  precision /= effectiveOrder;
  recall /= effectiveOrder;
  return 100 * ((1 + factor) * precision * recall / (factor * precision + recall));
}

/** Corpus chrF or chrF++, 0 to 100. */
export function corpusChrf(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: ChrfOptions = {},
): number {
  return chrfFromStatistics(chrfStatistics(hypotheses, references, options).sum(), options);
}

/** chrF or chrF++ of one sentence, 0 to 100. */
export function sentenceChrf(
  hypothesis: string,
  references: readonly string[],
  options: ChrfOptions = {},
): number {
  return corpusChrf([hypothesis], [references], options);
}

/** sacreBLEU's name of the variant: `chrF2`, `chrF2++`. */
export function chrfName(options: ChrfOptions = {}): string {
  return `chrF${options.beta ?? 2}${"+".repeat(options.wordOrder ?? 0)}`;
}

/** The signature that sacreBLEU would print, but for the version. */
export function chrfSignature(
  nrefs: number | "var",
  options: ChrfOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: options.lowercase ? "lc" : "mixed",
    eff: !options.epsSmoothing,
    nc: options.charOrder ?? 6,
    nw: options.wordOrder ?? 0,
    space: options.whitespace ?? false,
  };
  return signature(fields, SACREBLEU_VERSION, nrefs, bootstrap);
}
