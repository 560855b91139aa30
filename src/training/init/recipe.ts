/**
 * From what is known of the data, and of the machine, to the values of a configuration: arithmetic
 * only. The rules are plain and rest on docs/training-notes.md; what they cannot know is how hard the
 * task is.
 */
import type { PresetName } from "../presets.ts";
import { type Survey, wordsToLearn } from "./survey.ts";

/** What a model is for. */
export type Task = "translate" | "summarise" | "describe";

/** The task that a data set looks like. */
export function guessTask({ source, target, copiedShare }: Survey): Task {
  if (source.meanCharacters >= 4 * target.meanCharacters && source.meanCharacters >= 300) {
    return "summarise";
  }
  const isNotes = source.sentenceShare < 0.2 && target.sentenceShare > 0.5;
  return copiedShare >= 0.4 || (isNotes && copiedShare >= 0.15) ? "describe" : "translate";
}

/** Numbers of tokens that vocabularies have; round numbers are as good as others. */
const VOCABULARIES = [
  500,
  1000,
  1500,
  2000,
  3000,
  4000,
  5000,
  6000,
  8000,
  10_000,
  12_000,
  16_000,
];

/**
 * Tokens to train. A token must be seen often enough to be learnt, and costs time in the output layer
 * whether it is seen or not: so the number grows with the root of the words there are. What is copied
 * rather than translated wants whole words.
 */
export function vocabularySize(survey: Survey, task: Task): number {
  const words = wordsToLearn(survey.source) + wordsToLearn(survey.target);
  const wanted = 6 * Math.sqrt(words) * (task === "translate" ? 1 : 1.5);
  return VOCABULARIES.findLast((size) => size <= wanted * 1.1) ?? VOCABULARIES[0]!;
}

/** Sizes of networks, the smallest first: each costs about twice the time of the one before. */
export const NETWORKS = [
  { width: 64, encoderLayers: 2, decoderLayers: 2, heads: 4, rate: 3e-3, updates: 0, pairs: 0 },
  { width: 96, encoderLayers: 2, decoderLayers: 3, heads: 6, rate: 2e-3, updates: 800, pairs: 0 },
  {
    width: 128,
    encoderLayers: 3,
    decoderLayers: 4,
    heads: 8,
    rate: 1.5e-3,
    updates: 1600,
    pairs: 5000,
  },
  {
    width: 192,
    encoderLayers: 3,
    decoderLayers: 4,
    heads: 6,
    rate: 1.2e-3,
    updates: 5000,
    pairs: 50_000,
  },
  {
    width: 256,
    encoderLayers: 4,
    decoderLayers: 4,
    heads: 8,
    rate: 1e-3,
    updates: 15_000,
    pairs: 200_000,
  },
] as const;

/** A network's size, with its learning rate and what it takes to be worth its time. */
type NetworkSize = (typeof NETWORKS)[number];

/** The largest network that there are pairs enough for: where to begin to measure. */
export function largestFor(pairs: number): number {
  return NETWORKS.findLastIndex((size) => pairs >= size.pairs);
}

/** Rows of an update. */
export const BATCH_SIZE = 64;
/** Share of the time that is left for updates: the rest is set-up, validation and checkpoints. */
const SHARE_OF_UPDATES = 0.9;
/** A set that is seen more often than this is known by heart. */
const MOST_EPOCHS = 60;

/** Updates that fit into some minutes, to two digits, and no more than the data are good for. */
export function updatesWithin(minutes: number, secondsPerUpdate: number, pairs: number): number {
  const fitting = SHARE_OF_UPDATES * 60 * minutes / secondsPerUpdate;
  return Math.max(1, roundDown(Math.min(fitting, MOST_EPOCHS * pairs / BATCH_SIZE)));
}

/** Whether a network gets the updates that it needs, or is the smallest there is. */
export function isWorthIt(place: number, minutes: number, secondsPerUpdate: number): boolean {
  const fitting = SHARE_OF_UPDATES * 60 * minutes / secondsPerUpdate;
  return fitting >= NETWORKS[place]!.updates;
}

/** Lengths of texts, in tokens. */
export interface TokenLengths {
  readonly sources: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
}

/** Limits of a configuration, in tokens. */
interface Limits {
  readonly maxSourceTokens: number;
  readonly targetSlots: number;
}

/** Longest texts that are not cut: all but one in five hundred, with room for others, up to a bound. */
export function limitsFor({ sources, targets }: TokenLengths): Limits {
  return {
    maxSourceTokens: limitOf(sources, 512),
    targetSlots: limitOf(targets, 256),
  };
}

function limitOf(lengths: ArrayLike<number>, most: number): number {
  const wanted = Math.min(1.25 * quantile(lengths, 0.998), quantile(lengths, 1));
  return Math.min(Math.max(8 * Math.ceil(wanted / 8), 8), most);
}

/** The smallest length that a share of all is no longer than. */
export function quantile(lengths: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(lengths).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** What the values of a configuration follow from. */
interface RecipeInput {
  readonly survey: Survey;
  readonly task: Task;
  readonly size: NetworkSize;
  readonly updates: number;
  readonly vocabularySize: number;
  readonly limits: Limits;
  /** Whether there is a development set besides the training pairs. */
  readonly hasDevelopmentSet: boolean;
}

/** The values of a configuration that are not its preset's. */
export interface Recipe extends Omit<RecipeInput, "hasDevelopmentSet"> {
  readonly preset: PresetName;
  /** How often every pair is seen. */
  readonly epochs: number;
  readonly maxPositions: number;
  readonly warmupSteps: number;
  readonly averageDecay: number;
  readonly dropout: number;
  /** Updates between validations, and between checkpoints. */
  readonly every: number;
  /** Share of the sources that is held out; absent where there is a development set. */
  readonly holdOut: number | undefined;
}

/** Works out a configuration. */
export function recipeFor({ hasDevelopmentSet, ...input }: RecipeInput): Recipe {
  const { survey, size, updates, limits } = input;
  const epochs = updates * BATCH_SIZE / survey.pairs;
  return {
    ...input,
    preset: size.width < 128 ? "cpu-tiny" : "cpu-small",
    epochs,
    maxPositions: Math.max(limits.targetSlots, limits.maxSourceTokens),
    warmupSteps: Math.max(1, Math.min(200, Math.round(updates / 10))),
    averageDecay: averageDecay(updates),
    dropout: epochs < 2 ? 0.05 : epochs < 12 ? 0.1 : epochs < 30 ? 0.2 : 0.3,
    every: Math.max(1, Math.ceil(updates / 4)),
    holdOut: hasDevelopmentSet ? undefined : heldOutShare(survey.distinctSources),
  };
}

/** The average looks back over a tenth of the run, and over a thousand updates at most. */
function averageDecay(updates: number): number {
  return Number((1 - Math.max(1e-3, Math.min(10 / updates, 0.1))).toFixed(4));
}

/** Some 600 sources, but no more than a twentieth of them. */
function heldOutShare(sources: number): number {
  return Number(Math.max(Math.min(0.05, 600 / sources), 0.0001).toPrecision(2));
}

/** A number rounded down to two digits: 2,345 becomes 2,300. */
function roundDown(value: number): number {
  if (value < 100) return Math.floor(value);
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.floor(value / unit) * unit;
}
