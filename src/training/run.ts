/** A run that is ready to train: tokenizer, data, network and where it stands. */
import type { ModelConfig } from "../denoiser/config.ts";
import { loadModelFolder, MODEL_FILES } from "../denoiser/model_folder.ts";
import { networkFields } from "../denoiser/network_fields.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile } from "../host/files.ts";
import { resolveDevice } from "../native/device.ts";
import { describeLibrary } from "../native/library_info.ts";
import { type Device, NativeModel } from "../native/model.ts";
import { flatLayout, type FlatPlace, NativeTrainer } from "../native/trainer.ts";
import { trainBpe } from "../text/bpe_trainer.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import { readPairs } from "../text/records.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { preparedBatches, type TrainingData } from "./batch_stream.ts";
import {
  type CheckpointContent,
  readRecord,
  restoreTrainer,
  type RunState,
  type TrainingRecord,
} from "./checkpoint.ts";
import { findChangedKey, type TrainingConfig } from "./config.ts";
import { initialWeights } from "./initial_weights.ts";
import { modelConfigOf } from "./model_config.ts";
import { slotsOfPairs } from "./slots.ts";
import type { ProcessGroup } from "./process_group.ts";
import { TokenCache } from "./token_cache.ts";
import { updateExchange } from "./update_exchange.ts";
import { type Update, updates } from "./updates.ts";

/** What a run is made from. */
interface RunOptions {
  readonly config: TrainingConfig;
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

/** What rank 0 finds before training, for all ranks. */
interface Preparation {
  readonly tokenizerJson: string;
  /** The tokenised data. */
  readonly data: string;
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

/** A run. Dispose of it when done. */
export class Run implements Disposable {
  private constructor(
    readonly config: TrainingConfig,
    readonly model: ModelConfig,
    readonly tokenizer: Tokenizer,
    readonly data: TrainingData,
    readonly trainer: NativeTrainer,
    readonly layout: readonly FlatPlace[],
    readonly device: Device,
    /** CPU threads of this process. */
    readonly threads: number,
    readonly group: ProcessGroup,
    /** Where the run stood when it was opened. */
    readonly start: RunState,
  ) {}

  /**
   * Opens a run at its start or at a checkpoint.
   *
   * @throws {UserError} where data cannot be read, options do not go together, the checkpoint is
   *   damaged or was made with other options or data
   */
  static async open(options: RunOptions): Promise<Run> {
    const { config, source, cacheFolder, checkpoint, group } = options;
    const found: { prepared?: Prepared } = {};
    const { tokenizerJson, data: key, start } = await group.first(
      async (): Promise<Preparation> => {
        const { tokenizer, pairs, start } = found.prepared = await prepare(options);
        return { tokenizerJson: tokenizer.toJson(), data: pairs.key, start };
      },
    );
    const tokenizer = found.prepared?.tokenizer ??
      await parseTokenizer(tokenizerJson, MODEL_FILES.tokenizer);
    const pairs = found.prepared?.pairs ?? TokenCache.openMade(cacheFolder, key, tokenizer);
    try {
      const model = modelConfigOf(config, tokenizer, pairs, source);
      const data = { pairs, slots: slotsOfPairs(pairs, model.text) };
      const device = deviceOf(config, group);
      const threads = threadsOf(config, group);
      // What a checkpoint goes on from is in it; other ranks get what rank 0 starts from.
      const startFrom = checkpoint === undefined && group.isFirst
        ? config.training.start_from
        : null;
      const { trainer, layout } = await createTrainer(config, model, device, threads, startFrom);
      if (checkpoint !== undefined && group.isFirst) restoreTrainer(checkpoint, trainer, layout);
      await shareState(group, trainer);
      return new Run(
        config,
        model,
        tokenizer,
        data,
        trainer,
        layout,
        device,
        threads,
        group,
        start,
      );
    } catch (error) {
      pairs[Symbol.dispose]();
      throw error;
    }
  }

  /** Makes updates without end, from where the run stands. */
  updates(): AsyncGenerator<Update, never, undefined> {
    const { step, position, skipped } = this.start;
    const { data, config, model, group } = this;
    const batches = preparedBatches(data, config, model, step + 1, position, group);
    return updates(
      this.trainer,
      batches,
      this.config,
      skipped,
      (rows) => this.#describeRows(rows),
      updateExchange(this.trainer, group, config.training.accumulation),
    );
  }

  /** What a checkpoint of a state holds. */
  checkpointContent(state: RunState): CheckpointContent {
    return {
      state,
      data: this.data.pairs.key,
      config: this.config,
      model: this.model,
      tokenizerJson: this.tokenizer.toJson(),
    };
  }

  [Symbol.dispose](): void {
    this.trainer[Symbol.dispose]();
    this.data.pairs[Symbol.dispose]();
  }

  #describeRows(rows: Uint32Array): string {
    const { train } = this.config.data;
    const file = train.format === "text" ? train.sourceFile : train.file;
    const lines = Array.from(rows.subarray(0, 8), (row) => this.data.pairs.line(row));
    const more = rows.length > lines.length ? ` and ${rows.length - lines.length} more` : "";
    return `${file} lines ${lines.join(", ")}${more}`;
  }
}

/** What rank 0 has opened. */
interface Prepared {
  readonly tokenizer: Tokenizer;
  readonly pairs: TokenCache;
  readonly start: RunState;
}

async function prepare(options: RunOptions): Promise<Prepared> {
  const { config, checkpoint, source } = options;
  const record = checkpoint === undefined ? undefined : readRecord(checkpoint);
  if (record === undefined) expectUsable(config, source);
  else expectSameConfig(record, config, checkpoint!);
  expectGrid(config);
  const tokenizer = await openTokenizer(options);
  const { max_source_tokens: maxSourceTokens, target_slots: targetSlots } = config.text;
  const pairs = await TokenCache.open(
    options.cacheFolder,
    config.data.train,
    tokenizer,
    { maxSourceTokens, targetSlots },
    () => options.say("Tokenising the training data."),
  );
  if (record !== undefined && record.data !== pairs.key) {
    pairs[Symbol.dispose]();
    throw new UserError(
      ExitCode.data,
      `Cannot resume from "${checkpoint}": "data.train" gives other pairs than then; ` +
        "put its files back or start anew with another --output",
    );
  }
  return { tokenizer, pairs, start: record ?? START };
}

/** Gives every rank the weights, moments and average of rank 0. */
async function shareState(group: ProcessGroup, trainer: NativeTrainer): Promise<void> {
  if (group.size === 1) return;
  for (const state of ["weights", "firstMoment", "secondMoment", "average"] as const) {
    const values = trainer.read(state);
    await group.share(values);
    if (!group.isFirst) trainer.write(state, values);
  }
}

/** The device of a rank: of several on a machine, each has a CUDA device of its own. */
function deviceOf({ training }: TrainingConfig, { localRank }: ProcessGroup): Device {
  const device = resolveDevice(parseDevice(training.device));
  const isNamed = training.device.includes(":");
  return device.kind === "cuda" && !isNamed ? { ...device, index: localRank } : device;
}

/** CPU threads of a rank: those of a machine share its hardware threads. */
function threadsOf({ training }: TrainingConfig, { localSize }: ProcessGroup): number {
  if (training.threads !== 0 || localSize === 1) return training.threads;
  return Math.max(1, Math.floor(describeLibrary().threads / localSize));
}

/** The device that `training.device` names. */
function parseDevice(name: string): "auto" | Device {
  if (name === "auto") return name;
  const [kind, index = "0"] = name.split(":");
  return { kind: kind as Device["kind"], index: Number(index) };
}

function expectSameConfig(record: TrainingRecord, config: TrainingConfig, path: string): void {
  const changed = findChangedKey(record.config, config);
  if (changed === undefined) return;
  throw new UserError(
    ExitCode.model,
    `Cannot resume from "${path}": "${changed.key}" was ${changed.before} and is now ` +
      `${changed.now}; set it back or start anew with another --output`,
  );
}

/**
 * Finds options that do not go together before the data are read, which may take long.
 *
 * @throws {UserError} at the first
 */
function expectUsable(config: TrainingConfig, source: string): void {
  const { file, normalizers, vocabulary_size: vocabSize } = config.tokenizer;
  if (file !== null && normalizers.length > 0) {
    throw new UserError(
      ExitCode.model,
      `Cannot apply "tokenizer.normalizers" to "${file}": a given tokenizer has its own; leave out ` +
        "one of the two",
    );
  }
  const { left_to_right_share: share } = config.diffusion;
  if (config.network.shifted && share !== null) {
    throw new UserError(
      ExitCode.model,
      `Cannot draw a share of ${share} from the left-to-right phase: with "network.shifted" every ` +
        'row visits every place; leave out "diffusion.left_to_right_share", or set it to none',
    );
  }
  const { rounding_loss, train_only, start_from } = config.training;
  if (config.network.shifted && rounding_loss !== "prediction") {
    throw new UserError(
      ExitCode.model,
      `Cannot take the rounding loss of "${rounding_loss}" with "network.shifted": a settled slot holds ` +
        'another token than it predicts; set training.rounding_loss = "prediction"',
    );
  }
  if (train_only === "token_chain" && (config.network.token_chain === 0 || start_from === null)) {
    throw new UserError(
      ExitCode.model,
      'Cannot train "token_chain" only: expected a network.token_chain above 0, and a model in ' +
        "training.start_from to train it on",
    );
  }
  const onePair = { sourceLengths: [1], targetLengths: [1] };
  modelConfigOf(config, { vocabSize, special: { pad: 0, bos: null, eos: 1 } }, onePair, source);
}

/**
 * Finds a number of validation steps that generation cannot take before the first validation, which
 * may be hours away.
 *
 * @throws {UserError} that names the most there can be
 */
function expectGrid({ data, validation, network, text, diffusion }: TrainingConfig): void {
  if (data.dev === null || validation.lines === 0 || network.shifted) return;
  const fewestSlots = text.length === "batch" ? 1 : text.target_slots;
  const { count } = processOf(diffusion).timesteps(fewestSlots);
  if (validation.steps <= count) return;
  throw new UserError(
    ExitCode.model,
    `Cannot validate in validation.steps = ${validation.steps}: this diffusion has ${count} ` +
      "timesteps to take them from; set fewer",
  );
}

async function openTokenizer({ config, checkpoint, say }: RunOptions): Promise<Tokenizer> {
  const { file, vocabulary_size, min_frequency, normalizers } = config.tokenizer;
  const { start_from } = config.training;
  const inherited = checkpoint ?? (file === null ? start_from : null);
  const given = inherited === null ? file : `${inherited}/${MODEL_FILES.tokenizer}`;
  if (given !== null) return await parseTokenizer(readTextFile(given), given);
  say(`Training a tokenizer of ${vocabulary_size} tokens.`);
  const json = await trainBpe(sidesOf(config), {
    vocabSize: vocabulary_size,
    minFrequency: min_frequency,
    normalizers,
  });
  return await parseTokenizer(json, "tokenizer.json");
}

/**
 * The weights of a model folder to start from.
 *
 * @throws {UserError} where it holds another network
 */
function startingWeights(
  path: string,
  { network }: ModelConfig,
): (name: string) => Float32Array<ArrayBuffer> | undefined {
  const { config, tensors } = loadModelFolder(path);
  for (const [key, value] of Object.entries(network)) {
    const theirs = config.network[key as keyof typeof network];
    // A chain head can be added to a network that lacks it.
    if (theirs === value || (key === "token_chain" && theirs === 0)) continue;
    throw new UserError(
      ExitCode.model,
      `Cannot start from "${path}": its network.${key} is ${theirs}, but the configuration ` +
        `asks for ${value}; make them the same`,
    );
  }
  return (name) => {
    const tensor = tensors.get(name);
    return tensor && toFloat32(tensor);
  };
}

/** Both sides of the training data, one vocabulary being shared by them. */
async function* sidesOf(config: TrainingConfig): AsyncGenerator<string> {
  for await (const { source, target } of readPairs(config.data.train)) {
    yield source;
    yield target;
  }
}

async function createTrainer(
  { training }: TrainingConfig,
  model: ModelConfig,
  device: Device,
  threads: number,
  startFrom: string | null,
): Promise<{ trainer: NativeTrainer; layout: FlatPlace[] }> {
  const { shifted } = model.network;
  using network = new NativeModel(networkFields(model.network));
  const inputs = new Map(network.tensors.map(({ name, shape }) => [name, shape.at(-1)!]));
  // A bias has as many inputs as the weight of its layer; the output layer's weight is tied.
  const inputsOf = (bias: string) =>
    inputs.get(bias.replace(/\.bias$/, ".weight")) ?? model.network.embedding_size;
  const given = startFrom === null ? undefined : startingWeights(startFrom, model);
  network.tensors.forEach((tensor, index) => {
    network.write(
      index,
      given?.(tensor.name) ??
        initialWeights(tensor, { seed: training.seed, place: index, inputsOf, shifted }),
    );
  });
  const trainer = await NativeTrainer.create(network, {
    device,
    dtype: training.dtype,
    threads,
    portable: false,
    chainOnly: training.train_only === "token_chain",
    ...processOf(model.diffusion).trainingTables(),
  });
  return { trainer, layout: flatLayout(network) };
}
