/**
 * Every score that is compared with a Python package, by a name that both sides use. The recorded
 * comparison (oracle_test.ts) and the live one (scripts/oracles/metrics_compare.py) read the same
 * table.
 */
import {
  BLEU_TOKENIZERS,
  bleuFromStatistics,
  type BleuOptions,
  bleuSignature,
  bleuStatistics,
  chrfFromStatistics,
  type ChrfOptions,
  chrfSignature,
  chrfStatistics,
  corpusCider,
  corpusCocoBleu,
  describeBleu,
  referenceCount,
  resample,
  ROUGE_VARIANTS,
  rougeFromStatistics,
  rougeStatistics,
  type SegmentStatistics,
  selfBleu,
  SMOOTH_METHODS,
  terFromStatistics,
  type TerOptions,
  terSignature,
  terStatistics,
  treebankTokens,
} from "../../src/metrics/mod.ts";

/** A hypothesis and its references. */
export type Pair = readonly [hypothesis: string, references: readonly string[]];

/** A score of a set of pairs and of each pair alone. */
export interface NamedScore {
  readonly name: string;
  readonly corpus: number;
  readonly segments: readonly number[];
  readonly signature?: string;
  /** What sacreBLEU prints after a BLEU score. */
  readonly detail?: string;
}

/** Texts of a Self-BLEU set and segments of a resampled corpus: the oracle is slow at both. */
const SUBSET = 60;
const RESAMPLES = 200;

/** Characters of a line that TER is given to normalize, for the same reason. */
const NORMALIZED_TER_LIMIT = 1000;

const CHRF_VARIANTS: Readonly<Record<string, ChrfOptions>> = {
  "chrf": {},
  "chrf++": { wordOrder: 2 },
  "chrf++ eps": { wordOrder: 2, epsSmoothing: true },
  "chrf whitespace": { whitespace: true, lowercase: true },
  "chrf 3 1 1": { charOrder: 3, wordOrder: 1, beta: 1 },
};

const TER_VARIANTS: Readonly<Record<string, TerOptions>> = {
  "ter": {},
  "ter cased": { caseSensitive: true },
  "ter normalized": { normalized: true },
  "ter asian": { normalized: true, noPunct: true, asianSupport: true },
};

/** All scores that are compared segment by segment. */
export function* namedScores(pairs: readonly Pair[]): Generator<NamedScore> {
  yield* bleuScores(pairs);
  const nrefs = referenceCount(pairs.map(([, references]) => references));
  for (const [name, options] of Object.entries(CHRF_VARIANTS)) {
    const scores = scoresOf(
      chrfStatistics(...columns(pairs), options),
      (sums) => chrfFromStatistics(sums, options),
    );
    yield { name, ...scores, signature: chrfSignature(nrefs, options) };
  }
  for (const [name, options] of Object.entries(TER_VARIANTS)) {
    const short = pairs.filter((pair) =>
      !options.normalized || pair.flat().every((line) => [...line].length < NORMALIZED_TER_LIMIT)
    );
    const scores = scoresOf(terStatistics(...columns(short), options), terFromStatistics);
    yield { name, ...scores, signature: terSignature(nrefs, options) };
  }
  for (const stem of [false, true]) {
    const statistics = rougeStatistics(...columns(pairs), { stem });
    for (const variant of ROUGE_VARIANTS) {
      for (const measure of ["precision", "recall", "f1"] as const) {
        const scores = scoresOf(statistics, (sums) => rougeFromStatistics(sums)[variant][measure]);
        yield { name: `rouge ${stem} ${variant} ${measure}`, ...scores };
      }
    }
  }
}

function* bleuScores(pairs: readonly Pair[]): Generator<NamedScore> {
  const nrefs = referenceCount(pairs.map(([, references]) => references));
  for (const tokenize of BLEU_TOKENIZERS) {
    for (const lowercase of [false, true]) {
      const statistics = bleuStatistics(...columns(pairs), { tokenize, lowercase });
      for (const smoothing of smoothings()) {
        for (const effectiveOrder of [false, true]) {
          const options = { tokenize, lowercase, effectiveOrder, ...smoothing };
          const { smoothMethod, smoothValue = "" } = options;
          yield {
            name: `bleu ${tokenize} ${lowercase} ${smoothMethod} ${smoothValue} ${effectiveOrder}`,
            ...scoresOf(statistics, (sums) => bleuFromStatistics(sums, options).score),
            signature: bleuSignature(nrefs, options),
            detail: describeBleu(bleuFromStatistics(statistics.sum(), options)),
          };
        }
      }
    }
  }
}

/** Each smoothing method, with its default value and with another where it has one. */
function smoothings(): Pick<BleuOptions, "smoothMethod" | "smoothValue">[] {
  return SMOOTH_METHODS.flatMap((smoothMethod) => {
    const hasValue = smoothMethod === "floor" || smoothMethod === "add-k";
    return [{ smoothMethod }, ...(hasValue ? [{ smoothMethod, smoothValue: 0.5 }] : [])];
  });
}

/** What is compared of the set as a whole or of a part of it. */
export function setScores(pairs: readonly Pair[]) {
  const few = columns(pairs.slice(0, SUBSET));
  const bleu = {
    statistics: bleuStatistics(...few),
    score: (sums: Float64Array) => bleuFromStatistics(sums).score,
  };
  const chrf = { statistics: chrfStatistics(...few), score: chrfFromStatistics };
  const [bleuResamples, chrfResamples] = resample([bleu, chrf], RESAMPLES);
  return {
    subset: SUBSET,
    resampled: { bleu: [...bleuResamples!], chrf: [...chrfResamples!] },
    selfBleu: selfBleu(few[0]),
    cocoBleu: corpusCocoBleu(...columns(pairs)),
    cider: corpusCider(...columns(pairs)),
    treebank: pairs.map(([hypothesis, references]) =>
      [hypothesis, ...references].map(treebankTokens)
    ),
  };
}

function columns(pairs: readonly Pair[]): [string[], (readonly string[])[]] {
  return [pairs.map(([hypothesis]) => hypothesis), pairs.map(([, references]) => references)];
}

function scoresOf(
  statistics: SegmentStatistics,
  score: (sums: Float64Array) => number,
): Pick<NamedScore, "corpus" | "segments"> {
  const segments = Array.from({ length: statistics.segments }, (_, k) => score(statistics.row(k)));
  return { corpus: score(statistics.sum()), segments };
}
