/**
 * BLEU-1 to BLEU-4 as COCO's captioning scripts (pycocoevalcap) compute them: Treebank tokens,
 * n-grams matched against all references, the closest reference length, and no smoothing but two
 * tiny constants that keep divisions and roots defined.
 */
import { expectKnownOptions } from "../option_names.ts";
import { NgramIndex } from "./ngram_index.ts";
import { matchWidth, writeMatches } from "./ngram_matches.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { PYCOCOEVALCAP_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { treebankTokens } from "./treebank_tokenizer.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Options of the captioning metrics. */
export interface CaptionOptions {
  /** Lower-case both sides. Default false, as CommonGen's authors did; COCO's scripts do it. */
  readonly lowercase?: boolean;
}

const MAX_ORDER = 4;
const SMALL = 1e-9;
const TINY = 1e-15;

/** @throws {UserError} for an option that there is not */
export function checkCaptionOptions(options: CaptionOptions, taker: string): void {
  expectKnownOptions(options, { lowercase: true }, taker);
}

/** The tokens that the captioning metrics compare. */
export function captionTokens(line: string, options: CaptionOptions = {}): string[] {
  return treebankTokens(options.lowercase ? line.toLowerCase() : line);
}

/** COCO BLEU's sufficient statistics per segment, laid out as {@linkcode writeMatches} does. */
export function cocoBleuStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: CaptionOptions = {},
): SegmentStatistics {
  checkCaptionOptions(options, "COCO BLEU");
  checkAligned(hypotheses, references);
  const index = new NgramIndex(MAX_ORDER);
  const vocabulary = new Vocabulary();
  const bag = (line: string) => index.bag(vocabulary.ids(captionTokens(line, options)));
  const statistics = new SegmentStatistics(hypotheses.length, matchWidth(MAX_ORDER));
  for (const [segment, hypothesis] of hypotheses.entries()) {
    index.clear();
    writeMatches(index, bag(hypothesis), references[segment]!.map(bag), statistics.row(segment));
  }
  return statistics;
}

/** BLEU-1 to BLEU-4, 0 to 1, of summed statistics. */
export function cocoBleuFromStatistics(sums: Float64Array): number[] {
  const ratio = (sums[0]! + TINY) / (sums[1]! + SMALL);
  const brevityPenalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return Array.from({ length: MAX_ORDER }, (_, k) => {
    product *= (sums[2 + k]! + TINY) / (sums[2 + MAX_ORDER + k]! + SMALL);
    return product ** (1 / (k + 1)) * brevityPenalty;
  });
}

/** Corpus BLEU-1 to BLEU-4, 0 to 1. */
export function corpusCocoBleu(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: CaptionOptions = {},
): number[] {
  return cocoBleuFromStatistics(cocoBleuStatistics(hypotheses, references, options).sum());
}

/** What COCO BLEU depends on, in the format of sacreBLEU's signatures. */
export function cocoBleuSignature(
  nrefs: number | "var",
  options: CaptionOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: options.lowercase ? "lc" : "mixed",
    tok: "treebank",
    len: "closest",
    smooth: "none",
  };
  return signature(fields, PYCOCOEVALCAP_VERSION, nrefs, bootstrap);
}
