/**
 * The field's metrics, each with the exact definition that its signature names. Nothing here reads
 * files, draws unseeded random numbers or depends on other parts of ardiff.
 */
export {
  bleuFromStatistics,
  type BleuOptions,
  type BleuScore,
  bleuSignature,
  bleuStatistics,
  corpusBleu,
  describeBleu,
  sentenceBleu,
  SMOOTH_METHODS,
  type SmoothMethod,
} from "./bleu.ts";
export { BLEU_TOKENIZERS, type BleuTokenizer, bleuTokens } from "./bleu_tokenizers.ts";
export {
  type Confidence,
  confidence,
  DEFAULT_BOOTSTRAP_SEED,
  pairedPValue,
  resample,
  type ResampledScore,
} from "./bootstrap.ts";
export {
  chrfFromStatistics,
  chrfName,
  type ChrfOptions,
  chrfSignature,
  chrfStatistics,
  corpusChrf,
  sentenceChrf,
} from "./chrf.ts";
export { ciderFromStatistics, ciderSignature, ciderStatistics, corpusCider } from "./cider.ts";
export {
  type CaptionOptions,
  cocoBleuFromStatistics,
  cocoBleuSignature,
  cocoBleuStatistics,
  corpusCocoBleu,
} from "./coco_bleu.ts";
export {
  conceptCoverage,
  conceptsOf,
  type Coverage,
  coverageFromStatistics,
  coverageSignature,
  coverageStatistics,
  coveredConcepts,
} from "./coverage.ts";
export {
  distinct,
  distinctSignature,
  div4,
  type DiversitySet,
  selfBleu,
  selfBleuSignature,
} from "./diversity.ts";
export { lcsLength } from "./lcs.ts";
export { type NgramBag, NgramIndex } from "./ngram_index.ts";
export { porterStem } from "./porter.ts";
export {
  corpusRouge,
  ROUGE_REFERENCES,
  ROUGE_VARIANTS,
  rougeFromStatistics,
  type RougeOptions,
  type RougeScore,
  RougeScorer,
  type RougeScores,
  rougeSignature,
  rougeStatistics,
  type RougeVariant,
} from "./rouge.ts";
export { type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
export { referenceCount, type SignatureBootstrap } from "./signature.ts";
export {
  corpusTer,
  sentenceTer,
  terFromStatistics,
  type TerOptions,
  terSignature,
  terStatistics,
} from "./ter.ts";
export { treebankTokens } from "./treebank_tokenizer.ts";
export { Vocabulary } from "./vocabulary.ts";
export { type Metric, METRICS } from "./metric_names.ts";
export {
  type MetricOptions,
  METRICS_WITH_REFERENCES,
  type MetricScore,
  metricScores,
  type SystemInput,
} from "./metric_scores.ts";
export { scoreNotices } from "./notices.ts";
export { formatReport, reportToJson, scoreLine } from "./report.ts";
export {
  score,
  type ScoreInput,
  type ScoreOptions,
  type ScoreReport,
  type System,
  type SystemScores,
} from "./score.ts";
