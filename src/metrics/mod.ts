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
export { BLEU_TOKENIZERS, type BleuTokenizer } from "./bleu_tokenizers.ts";
export { type Confidence, resample, type ResampledScore } from "./bootstrap.ts";
export {
  chrfFromStatistics,
  type ChrfOptions,
  chrfSignature,
  chrfStatistics,
  corpusChrf,
  sentenceChrf,
} from "./chrf.ts";
export { corpusCider } from "./cider.ts";
export { type CaptionOptions, corpusCocoBleu } from "./coco_bleu.ts";
export { conceptCoverage, type Coverage } from "./coverage.ts";
export { distinct, div4, selfBleu } from "./diversity.ts";
export {
  corpusRouge,
  ROUGE_REFERENCES,
  ROUGE_TOKENIZERS,
  ROUGE_VARIANTS,
  rougeFromStatistics,
  type RougeOptions,
  type RougeScore,
  type RougeScores,
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
export { type Metric, METRICS } from "./metric_names.ts";
export {
  type MetricOptions,
  METRICS_OF_SETS,
  METRICS_WITH_REFERENCES,
  type MetricScore,
  type SystemInput,
} from "./metric_scores.ts";
export { scoreNotices } from "./notices.ts";
export { formatReport, formatSegments, reportToJson, segmentSignatures } from "./report.ts";
export {
  score,
  type ScoreInput,
  type ScoreOptions,
  type ScoreReport,
  type System,
  type SystemScores,
} from "./score.ts";
