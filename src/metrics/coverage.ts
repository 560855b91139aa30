/**
 * Concept coverage (Lin et al., 2020): the share of a source's concepts that its output uses in some
 * inflection. Two words are the same where their Porter stems are, an irregular form counting as its
 * lemma too. CommonGen's own script compares spaCy lemmas instead: close, not equal.
 */
import { IRREGULAR_FORMS } from "./irregular_forms.ts";
import { porterStem } from "./porter.ts";
import { splitWhitespace } from "./python_text.ts";
import { SegmentStatistics } from "./segment_statistics.ts";
import { ARDIFF_VERSION, signature, type SignatureBootstrap } from "./signature.ts";

/** Coverage of a corpus, 0 to 1. */
export interface Coverage {
  /** Mean over the sources of the share of concepts found, as CommonGen reports it. */
  readonly mean: number;
  /** Concepts found by concepts asked for, all sources together. */
  readonly pooled: number;
  /** Concepts found. */
  readonly found: number;
  /** Concepts asked for. */
  readonly concepts: number;
}

/** The distinct concepts of a source, which are the words between its spaces. */
export function conceptsOf(source: string): string[] {
  return [...new Set(splitWhitespace(source.toLowerCase()))];
}

/** The concepts that a text uses in some inflection. */
export function coveredConcepts(concepts: readonly string[], text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const stems = new Set(words.flatMap(stemsOf));
  return concepts.filter((concept) => stems.has(porterStem(concept)));
}

/** The stem of a word in lower case, and where it is an irregular form, that of its lemma. */
export function stemsOf(word: string): string[] {
  const lemma = IRREGULAR_FORMS.get(word);
  return lemma === undefined ? [porterStem(word)] : [porterStem(word), porterStem(lemma)];
}

/** Per segment: share found, 1, concepts found, concepts. Sources without concepts add nothing. */
export function coverageStatistics(
  hypotheses: readonly string[],
  sources: readonly string[],
): SegmentStatistics {
  if (hypotheses.length !== sources.length) {
    throw new RangeError(
      `Cannot align ${hypotheses.length} hypotheses with ${sources.length} sources`,
    );
  }
  const statistics = new SegmentStatistics(hypotheses.length, 4);
  for (const [segment, hypothesis] of hypotheses.entries()) {
    const concepts = conceptsOf(sources[segment]!);
    if (concepts.length === 0) continue;
    const found = coveredConcepts(concepts, hypothesis).length;
    statistics.row(segment).set([found / concepts.length, 1, found, concepts.length]);
  }
  return statistics;
}

/** Coverage of summed statistics; 0 where there is no concept. */
export function coverageFromStatistics(sums: Float64Array): Coverage {
  const [shares = 0, sources = 0, found = 0, concepts = 0] = sums;
  return {
    mean: sources > 0 ? shares / sources : 0,
    pooled: concepts > 0 ? found / concepts : 0,
    found,
    concepts,
  };
}

/** Coverage of the sources' concepts by the hypotheses. */
export function conceptCoverage(
  hypotheses: readonly string[],
  sources: readonly string[],
): Coverage {
  return coverageFromStatistics(coverageStatistics(hypotheses, sources).sum());
}

/** What coverage depends on, in the format of sacreBLEU's signatures. */
export function coverageSignature(bootstrap?: SignatureBootstrap): string {
  const fields = { case: "lc", stem: "porter+irregular", average: "sources" };
  return signature(fields, ARDIFF_VERSION, undefined, bootstrap);
}
