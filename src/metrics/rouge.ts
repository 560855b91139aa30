/** ROUGE-N, ROUGE-L and ROUGE-Lsum (Lin, 2004) as the rouge_score package defines them. */
import { ExitCode, UserError } from "../errors.ts";
import { expectChoices, expectKnownOptions, type OptionNames } from "../option_names.ts";
import { isTooLongToMark, lcsLength, markLcs } from "./lcs.ts";
import { NgramIndex } from "./ngram_index.ts";
import { porterStem } from "./porter.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { ROUGE_SCORE_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { unicodeWords } from "./unicode_words.ts";
import { Vocabulary } from "./vocabulary.ts";

/** The variants computed, in the order of the statistics. */
export const ROUGE_VARIANTS = ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const;

/** One of {@linkcode ROUGE_VARIANTS}. */
export type RougeVariant = typeof ROUGE_VARIANTS[number];

/** What becomes of several references of one segment. */
export const ROUGE_REFERENCES = ["best", "average"] as const;

/** What counts as a word. */
export const ROUGE_TOKENIZERS = ["alnum", "unicode"] as const;

/** How texts are compared. */
export interface RougeOptions {
  /**
   * `alnum` (the default): runs of a to z and digits, as rouge_score has it. `unicode`: letters and
   * digits of all scripts, each letter alone in those that are written without spaces.
   */
  readonly tokenize?: typeof ROUGE_TOKENIZERS[number];
  /** Reduce words of four letters and more to their Porter stems. Default false. */
  readonly stem?: boolean;
  /** What stands between the sentences of a text, for ROUGE-Lsum. Default a line feed. */
  readonly sentenceSeparator?: string;
  /**
   * `best` (the default) takes, for each variant, the reference of highest F, as rouge_score's
   * `score_multi` does; `average` averages over all pairs of a hypothesis and one reference, as
   * CommonGen's published figures do.
   */
  readonly references?: typeof ROUGE_REFERENCES[number];
}

const OPTION_NAMES: OptionNames<RougeOptions> = {
  tokenize: true,
  stem: true,
  sentenceSeparator: true,
  references: true,
};

/** Precision, recall and F1 from 0 to 1. */
export interface RougeScore {
  /** Share of the hypothesis that is in the reference. */
  readonly precision: number;
  /** Share of the reference that is in the hypothesis. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
}

/** A score for each variant. */
export type RougeScores = Readonly<Record<RougeVariant, RougeScore>>;

/** Precision, recall and F1. */
const PER_VARIANT = 3;

/** A text as ROUGE sees it. */
interface RougeText {
  readonly words: Int32Array;
  readonly sentences: readonly Int32Array[];
}

/** Splits, stems and compares texts; words keep their ids over the scorer's life. */
export class RougeScorer {
  readonly #options: RougeOptions;
  readonly #vocabulary = new Vocabulary();
  readonly #stems = new Map<string, string>();
  readonly #unigrams = new NgramIndex(1);
  readonly #bigrams = new NgramIndex(2);

  /** A scorer that has seen no word yet. */
  constructor(options: RougeOptions = {}) {
    this.#options = options;
  }

  /** Scores of a hypothesis against one reference. */
  score(reference: string, hypothesis: string): RougeScores {
    return this.#compare(this.#read(reference), this.#read(hypothesis));
  }

  /** Scores of a hypothesis against each of its references. */
  scoreEach(references: readonly string[], hypothesis: string): RougeScores[] {
    const text = this.#read(hypothesis);
    return references.map((reference) => this.#compare(this.#read(reference), text));
  }

  #read(text: string): RougeText {
    const separator = this.#options.sentenceSeparator ?? "\n";
    const sentences = text.split(separator).map((sentence) => this.#words(sentence));
    return { words: Int32Array.from(sentences.flatMap((sentence) => [...sentence])), sentences };
  }

  /** Lower-cased words, stemmed if asked for. */
  #words(text: string): Int32Array {
    const words = this.#options.tokenize === "unicode"
      ? unicodeWords(text)
      : text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    return this.#vocabulary.ids(this.#options.stem ? words.map((w) => this.#stem(w)) : words);
  }

  #stem(word: string): string {
    if (word.length <= 3) return word;
    let stem = this.#stems.get(word);
    if (stem === undefined) this.#stems.set(word, stem = porterStem(word));
    return stem;
  }

  #compare(reference: RougeText, hypothesis: RougeText): RougeScores {
    return {
      rouge1: ngramScore(this.#unigrams, 1, reference.words, hypothesis.words),
      rouge2: ngramScore(this.#bigrams, 2, reference.words, hypothesis.words),
      rougeL: scoreOf(
        lcsLength(reference.words, hypothesis.words),
        reference.words.length,
        hypothesis.words.length,
      ),
      rougeLsum: summaryScore(reference.sentences, hypothesis.sentences),
    };
  }
}

/** ROUGE-N: clipped n-gram overlap. */
function ngramScore(
  index: NgramIndex,
  order: number,
  reference: Int32Array,
  hypothesis: Int32Array,
): RougeScore {
  index.clear();
  const bags = [index.bag(reference), index.bag(hypothesis)] as const;
  const limits = new Int32Array(index.size);
  for (const [k, ngram] of bags[0].ngrams.entries()) limits[ngram] = bags[0].counts[k]!;
  let overlap = 0;
  for (const [k, ngram] of bags[1].ngrams.entries()) {
    if (index.orderOf(ngram) === order) overlap += Math.min(bags[1].counts[k]!, limits[ngram]!);
  }
  const total = (words: Int32Array) => Math.max(0, words.length - order + 1);
  return scoreOf(overlap, total(reference), total(hypothesis));
}

/**
 * ROUGE-Lsum: for each reference sentence the union of its longest common subsequences with every
 * hypothesis sentence, no word counted oftener than it occurs in either text (ROUGE-1.5.5).
 */
function summaryScore(
  reference: readonly Int32Array[],
  hypothesis: readonly Int32Array[],
): RougeScore {
  const remaining = [occurrences(reference), occurrences(hypothesis)] as const;
  let hits = 0;
  for (const sentence of reference) {
    const union = new Uint8Array(sentence.length);
    for (const other of hypothesis) {
      if (isTooLongToMark(sentence, other)) throw tooLong(sentence.length, other.length);
      markLcs(sentence, other, union);
    }
    for (const [at, word] of sentence.entries()) {
      if (union[at] === 0) continue;
      if (remaining.every((counts) => (counts.get(word) ?? 0) > 0)) {
        hits++;
        for (const counts of remaining) counts.set(word, counts.get(word)! - 1);
      }
    }
  }
  const total = (text: readonly Int32Array[]) => text.reduce((sum, s) => sum + s.length, 0);
  return scoreOf(hits, total(reference), total(hypothesis));
}

function tooLong(inReference: number, inHypothesis: number): UserError {
  return new UserError(
    ExitCode.data,
    `Cannot compute ROUGE-Lsum of a sentence of ${inReference} words and one of ${inHypothesis}: ` +
      "put each sentence on a line of its own, or choose other metrics with --metrics",
  );
}

function occurrences(sentences: readonly Int32Array[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const sentence of sentences) {
    for (const word of sentence) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

function scoreOf(hits: number, inReference: number, inHypothesis: number): RougeScore {
  const precision = hits / Math.max(inHypothesis, 1);
  const recall = hits / Math.max(inReference, 1);
  const sum = precision + recall;
  return { precision, recall, f1: sum > 0 ? 2 * precision * recall / sum : 0 };
}

/**
 * ROUGE's statistics per segment: sums over the references that count of precision, recall and F1
 * for each variant, and last the number of those references.
 */
export function rougeStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: RougeOptions = {},
): SegmentStatistics {
  expectKnownOptions(options, OPTION_NAMES, "ROUGE");
  expectChoices(options, { tokenize: ROUGE_TOKENIZERS, references: ROUGE_REFERENCES }, "ROUGE");
  checkAligned(hypotheses, references);
  const scorer = new RougeScorer(options);
  const width = PER_VARIANT * ROUGE_VARIANTS.length + 1;
  const statistics = new SegmentStatistics(hypotheses.length, width);
  for (const [segment, hypothesis] of hypotheses.entries()) {
    const pairs = scorer.scoreEach(references[segment]!, hypothesis);
    const row = statistics.row(segment);
    for (const [v, variant] of ROUGE_VARIANTS.entries()) {
      const scores = pairs.map((pair) => pair[variant]);
      const counted = options.references === "average" ? scores : [bestOf(scores)];
      for (const { precision, recall, f1 } of counted) {
        row[PER_VARIANT * v]! += precision;
        row[PER_VARIANT * v + 1]! += recall;
        row[PER_VARIANT * v + 2]! += f1;
      }
      row[width - 1] = counted.length;
    }
  }
  return statistics;
}

/** The score of highest F1, the first of equals. */
function bestOf(scores: readonly RougeScore[]): RougeScore {
  return scores.reduce((best, score) => score.f1 > best.f1 ? score : best);
}

/** Mean scores of summed statistics. */
export function rougeFromStatistics(sums: Float64Array): RougeScores {
  const pairs = sums[sums.length - 1]!;
  const scores = ROUGE_VARIANTS.map((variant, v) => {
    const [precision, recall, f1] = [0, 1, 2].map((k) => sums[PER_VARIANT * v + k]! / pairs);
    return [variant, { precision, recall, f1 }];
  });
  return Object.fromEntries(scores);
}

/** Mean ROUGE scores of a corpus, 0 to 1. */
export function corpusRouge(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: RougeOptions = {},
): RougeScores {
  return rougeFromStatistics(rougeStatistics(hypotheses, references, options).sum());
}

/** What ROUGE figures depend on, in the format of sacreBLEU's signatures. */
export function rougeSignature(
  nrefs: number | "var",
  options: RougeOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: "lc",
    tok: options.tokenize ?? "alnum",
    stem: options.stem ? "porter" : "no",
    refs: options.references ?? "best",
    sents: (options.sentenceSeparator ?? "\n").replaceAll("\n", "lf"),
  };
  return signature(fields, ROUGE_SCORE_VERSION, nrefs, bootstrap);
}
