/**
 * ardiff as a library: load a model, generate, choose among candidates, score, train. The commands
 * of `ardiff` are made of these same functions; docs/library.md shows each with the permissions that
 * it needs.
 *
 * ```ts
 * import { Model } from "./src/mod.ts";
 *
 * using model = await Model.load("models/commongen-small");
 * for await (const { text } of model.generate(["dog frisbee catch"], { candidates: 10 })) {
 *   console.log(text);
 * }
 * ```
 *
 * @module
 */

// Models and what they generate.
export { Model } from "./generation/mod.ts";
export type { LoadOptions } from "./generation/loaded_model.ts";
export {
  GENERATION_OPTIONS,
  type GenerationOption,
  type GenerationValues,
  LOAD_OPTIONS,
  type ValuesOf,
} from "./generation/options.ts";
export { type Selector, SELECTORS } from "./generation/selectors.ts";
export type { DeviceChoice, ValueType } from "./generation/value_types.ts";
export {
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationInput,
  type GenerationResult,
} from "./generation/generate.ts";
export type { GenerationRequest, LineOption } from "./generation/constraints.ts";
export type { Candidate, SampleOptions } from "./generation/sample.ts";
export { type ChoiceOptions, type ScoredCandidate } from "./generation/choose.ts";
export type {
  PairScore,
  ScorePairsOptions,
  TextPair,
  TokenScore,
} from "./generation/score_pairs.ts";
export type { Trace } from "./generation/trace.ts";
export { type TokenText, traceAsText } from "./generation/trace_text.ts";
export {
  LATENT_VIEWS,
  type LatentView,
  NOISE_SCHEDULES,
  type NoiseScheduleName,
  type SamplerName,
  SAMPLERS,
  STEP_GRIDS,
  type StepGridKind,
} from "./diffusion/names.ts";

export type { TimestepConfig } from "./diffusion/timesteps/scheme.ts";
export type { PositionSchedule } from "./diffusion/learned_schedule.ts";
export { type TimestepSchemeName, TRAINED_SCHEMES } from "./diffusion/timesteps/schemes.ts";
export {
  type DiffusionConfig,
  MODEL_FORMAT,
  type ModelConfig,
  type NetworkConfig,
  type Provenance,
  ROUNDINGS,
  type TextConfig,
  TIME_CONDITIONINGS,
} from "./denoiser/config.ts";
export type { GenerationSeconds } from "./native/generation.ts";
export type { Device, Dtype } from "./native/model.ts";
export type { Tokenizer } from "./text/tokenizer.ts";
export type { SpecialTokens } from "./text/special_tokens.ts";

// Choosing among the candidates of any system.
export { select as mbr, type Selection, type SelectionOptions } from "./mbr/select.ts";
export { SelectionPool } from "./mbr/pool.ts";
export { utilities } from "./mbr/utilities/mod.ts";
export {
  SELECTION_METHODS,
  type SelectionMethod,
  UTILITIES,
  type UtilityName,
} from "./mbr/names.ts";
export type { CompiledCandidates, Utility } from "./mbr/utilities/utility.ts";
export { type NgramMeasure, ngramUtility } from "./mbr/utilities/ngram_utility.ts";
export { characters, words } from "./mbr/tokenize.ts";

// Metrics.
export {
  BLEU_TOKENIZERS,
  type BleuOptions,
  type BleuScore,
  type BleuTokenizer,
  type CaptionOptions,
  type ChrfOptions,
  conceptCoverage,
  type Confidence,
  corpusBleu,
  corpusChrf,
  corpusCider,
  corpusCocoBleu,
  corpusRouge,
  corpusTer,
  type Coverage,
  distinct,
  div4,
  formatReport,
  type Metric,
  type MetricOptions,
  METRICS,
  type MetricScore,
  type ReferenceLists,
  reportToJson,
  type ResampledScore,
  ROUGE_REFERENCES,
  ROUGE_TOKENIZERS,
  ROUGE_VARIANTS,
  type RougeOptions,
  type RougeScore,
  type RougeScores,
  type RougeVariant,
  score,
  type ScoreInput,
  type ScoreOptions,
  type ScoreReport,
  SegmentStatistics,
  selfBleu,
  sentenceBleu,
  sentenceChrf,
  sentenceTer,
  type SignatureBootstrap,
  SMOOTH_METHODS,
  type SmoothMethod,
  type System,
  type SystemInput,
  type SystemScores,
  type TerOptions,
} from "./metrics/mod.ts";

export type { CallCounts } from "./metrics/calls.ts";

// Training.
export { train } from "./training/train.ts";
export type { TrainOptions } from "./training/request.ts";
export type { DataTable, TrainingSettings, TrainingTable } from "./training/config.ts";
export type { Keep } from "./training/distill/keep_names.ts";
export type { DistillTable } from "./training/distill/table.ts";
export type { PresetName } from "./training/presets.ts";
export { OPTIONS as TRAINING_OPTIONS, type OptionValues } from "./training/options.ts";
export {
  type Option as TrainingOption,
  type OptionValue,
  type ScheduledOption as ScheduledTrainingOption,
} from "./training/option.ts";
export type { ByUpdate, Scheduled } from "./training/scheduled.ts";
export type { FieldType } from "./host/json_fields.ts";
export type { ProgressOutput } from "./host/status_line.ts";

// Errors that a user can mend.
export { ExitCode, UserError } from "./errors.ts";
