/** What a run needs before its network: tokenizer, data and where it stands. */
import { MODEL_FILES } from "../denoiser/model_folder.ts";
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile } from "../host/files.ts";
import { trainBpe } from "../text/bpe_trainer.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import { readPairs } from "../text/records.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { whileOthersWait } from "./agreement.ts";
import { readRecord, type RunState, type TrainingRecord } from "./checkpoint.ts";
import { expectUsable, expectValidation } from "./checks.ts";
import { findChangedKeys, type TrainingConfig } from "./config.ts";
import type { ProcessGroup } from "./process_group.ts";
import { TokenCache } from "./token_cache.ts";
import { TrainingPairs } from "./training_pairs.ts";
import type { TrainingSet } from "./training_sets.ts";

/** What a run is made from. */
export interface RunOptions {
  readonly config: TrainingConfig;
  /** The sets of `data.train` that are there. Default: all, as where the run writes none itself. */
  readonly sets?: readonly TrainingSet[];
  /** Path of the configuration, for messages. */
  readonly source: string;
  /** Where tokenised data are kept. */
  readonly cacheFolder: string;
  /** A checkpoint to go on from. */
  readonly checkpoint: string | undefined;
  /** Says what takes a while. */
  readonly say: (message: string) => void;
  /** The ranks that train together. */
  readonly group: ProcessGroup;
}

/** What rank 0 tells the others of it. */
interface Preparation {
  readonly tokenizerJson: string;
  /** Names of the token caches of the sets of data. */
  readonly caches: readonly string[];
  readonly start: RunState;
}

const START: RunState = {
  step: 0,
  skipped: 0,
  position: { epoch: 0, batch: 0 },
  rows: 0,
  seconds: 0,
  best: null,
};

/** What a run begins with. */
interface Prepared {
  readonly tokenizer: Tokenizer;
  readonly pairs: TrainingPairs;
  readonly start: RunState;
}

/**
 * Opens tokenizer and data, after making them where they are not there; rank 0 alone makes any.
 *
 * @throws {UserError} where data cannot be read, options do not go together, the checkpoint was made
 *   with other options or data
 */
export async function prepare(options: RunOptions): Promise<Prepared> {
  const { cacheFolder, group, config: { data }, sets = data.train } = options;
  const found: { prepared?: Prepared } = {};
  const task = async (stop: AbortSignal): Promise<Preparation> => {
    const { tokenizer, pairs, start } = found.prepared = await make(options, stop);
    return { tokenizerJson: tokenizer.toJson(), caches: pairs.cacheNames, start };
  };
  const made = await whileOthersWait(group, task, () => undefined).catch((error) => {
    found.prepared?.pairs[Symbol.dispose]();
    throw error;
  });
  if (found.prepared !== undefined) return found.prepared;
  if ("signal" in made) throw new Error(`Nobody listens for ${made.signal} yet`);
  const { tokenizerJson, caches, start } = made.value;
  const tokenizer = await parseTokenizer(tokenizerJson, MODEL_FILES.tokenizer);
  const pairs = await TrainingPairs.open(
    sets,
    (set) => TokenCache.openMade(cacheFolder, caches[sets.indexOf(set)]!, tokenizer),
  );
  return { tokenizer, pairs, start };
}

/** @param stop is aborted where another rank has ended */
async function make(options: RunOptions, stop: AbortSignal): Promise<Prepared> {
  const { config, checkpoint, source, cacheFolder, say } = options;
  const { sets = config.data.train } = options;
  const record = checkpoint === undefined ? undefined : readRecord(checkpoint);
  if (record === undefined) expectUsable(config, source);
  else expectSameConfig(record, config, checkpoint!, say);
  expectValidation(config);
  const tokenizer = await openTokenizer(options, stop);
  const { max_source_tokens: maxSourceTokens, target_slots: targetSlots } = config.text;
  const limits = { maxSourceTokens, targetSlots };
  const onBuild = () => say("Tokenising the training data.");
  const pairs = await TrainingPairs.open(
    sets,
    ({ spec }) => TokenCache.open(cacheFolder, spec, tokenizer, limits, { onBuild, stop }),
  );
  try {
    if (record !== undefined) expectSameData(record, pairs.keys, sets, config, checkpoint!);
    return { tokenizer, pairs, start: record ?? START };
  } catch (error) {
    pairs[Symbol.dispose]();
    throw error;
  }
}

/** Refuses what makes a difference to updates that were made, and tells what does to those to come. */
function expectSameConfig(
  record: TrainingRecord,
  config: TrainingConfig,
  path: string,
  say: (message: string) => void,
): void {
  const changed = findChangedKeys(record.config, config);
  const late = changed.find(({ update }) => update <= record.step);
  if (late !== undefined) {
    throw new UserError(
      ExitCode.model,
      `Cannot resume from "${path}": "${late.key}" was ${late.before} and is now ` +
        `${late.now}; set it back or start anew with another --output`,
    );
  }
  for (const { key, before, now, update } of changed) {
    say(
      `From update ${update} on, "${key}" differs from then: it was ${before} and is now ${now}.`,
    );
  }
  const [before, now] = [record.config.training.steps, config.training.steps];
  const { decay } = config.training;
  if (before === now || (decay !== "linear" && decay !== "cosine")) return;
  say(
    `"training.steps" was ${before} and is now ${now}: the learning rate falls to 0 at the new end, ` +
      "as from here on if it had been so from the start.",
  );
}

/** The sets of data must be those of the checkpoint; of those it has not reached, there may be more. */
function expectSameData(
  { data, step }: TrainingRecord,
  keys: readonly string[],
  sets: readonly TrainingSet[],
  { text }: TrainingConfig,
  path: string,
): void {
  const before = data.split(" ");
  const added = sets.slice(before.length);
  // The slots of sources depend on all data.
  const mayAdd = text.length === "fixed" && added.every(({ from }) => from >= step);
  if (before.every((key, index) => key === keys[index]) && (added.length === 0 || mayAdd)) return;
  throw new UserError(
    ExitCode.data,
    `Cannot resume from "${path}": "data.train" gives other pairs than then; ` +
      "put its files back or start anew with another --output",
  );
}

async function openTokenizer(
  { config, sets, checkpoint, say }: RunOptions,
  stop: AbortSignal,
): Promise<Tokenizer> {
  const { file, vocabulary_size, min_frequency, normalizers } = config.tokenizer;
  const { start_from } = config.training;
  const inherited = checkpoint ?? (file === null ? start_from : null);
  const given = inherited === null ? file : `${inherited}/${MODEL_FILES.tokenizer}`;
  if (given !== null) return await parseTokenizer(readTextFile(given), given);
  say(`Training a tokenizer of ${vocabulary_size} tokens.`);
  const json = await trainBpe(sidesOf(sets ?? config.data.train, stop), {
    vocabSize: vocabulary_size,
    minFrequency: min_frequency,
    normalizers,
  });
  return await parseTokenizer(json, "tokenizer.json");
}

/** Both sides of the training data, one vocabulary being shared by them. */
async function* sidesOf(
  sets: readonly TrainingSet[],
  stop: AbortSignal,
): AsyncGenerator<string> {
  for (const { spec } of sets) {
    for await (const { source, target } of readPairs(spec)) {
      stop.throwIfAborted();
      yield source;
      yield target;
    }
  }
}
