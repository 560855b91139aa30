/** A run that is ready to train: tokenizer, data, network and where it stands. */
import type { ModelConfig } from "../denoiser/config.ts";
import { loadModelFolder, MODEL_FILES } from "../denoiser/model_folder.ts";
import { networkFields } from "../denoiser/network_fields.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile } from "../host/files.ts";
import { resolveDevice } from "../native/device.ts";
import { type Device, NativeModel } from "../native/model.ts";
import { flatLayout, type FlatPlace, NativeTrainer, type TrainerUsage } from "../native/trainer.ts";
import { trainBpe } from "../text/bpe_trainer.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import { readPairs } from "../text/records.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type PreparedBatch, preparedBatches } from "./batch_stream.ts";
import {
  type CheckpointContent,
  readRecord,
  restoreTrainer,
  type RunState,
  tensorsOf,
  type TrainingRecord,
} from "./checkpoint.ts";
import { findChangedKeys, type TrainingConfig } from "./config.ts";
import { expectUsable, expectValidation } from "./checks.ts";
import { initialWeights } from "./initial_weights.ts";
import { modelConfigOf } from "./model_config.ts";
import type { TrainingAt } from "./options.ts";
import { valueAt } from "./scheduled.ts";
import { trainingAt } from "./schedules.ts";
import { TokenCache } from "./token_cache.ts";
import { TrainingPairs } from "./training_pairs.ts";
import { type Update, updates, type UpdatesOptions } from "./updates.ts";

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
  /** What trainers before the present one have used. */
  #usedBefore: TrainerUsage = { forward: 0, backward: 0, update: 0, peakBytes: 0 };

  private constructor(
    readonly config: TrainingConfig,
    readonly model: ModelConfig,
    readonly tokenizer: Tokenizer,
    readonly pairs: TrainingPairs,
    private training: OpenTrainer,
    readonly device: Device,
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
    const { config, checkpoint, source } = options;
    const record = checkpoint === undefined ? undefined : readRecord(checkpoint);
    if (record === undefined) expectUsable(config, source);
    else expectSameConfig(record, config, checkpoint!, options.say);
    expectValidation(config);
    const tokenizer = await openTokenizer(options);
    const { max_source_tokens: maxSourceTokens, target_slots: targetSlots } = config.text;
    const pairs = await TrainingPairs.open(config.data.train, ({ spec }) =>
      TokenCache.open(
        options.cacheFolder,
        spec,
        tokenizer,
        { maxSourceTokens, targetSlots },
        () => options.say("Tokenising the training data."),
      ));
    try {
      if (record !== undefined) expectSameData(record, pairs.keys, config, checkpoint!);
      const model = modelConfigOf(config, tokenizer, pairs.all(), source);
      const device = resolveDevice(parseDevice(config.training.device));
      const start = record ?? START;
      const weights = checkpoint === undefined ? startingWeights(config, model) : () => undefined; // they are in the checkpoint
      const training = await createTrainer(config, model, device, start.step + 1, weights);
      if (checkpoint !== undefined) restoreTrainer(checkpoint, training.trainer, training.layout);
      return new Run(config, model, tokenizer, pairs, training, device, start);
    } catch (error) {
      pairs[Symbol.dispose]();
      throw error;
    }
  }

  /** The trainer, which is another one where another part of the network is trained. */
  get trainer(): NativeTrainer {
    return this.training.trainer;
  }

  /** Where tensors lie in the trainer's buffers. */
  get layout(): readonly FlatPlace[] {
    return this.training.layout;
  }

  /** Makes updates, from where the run stands, until it is over. */
  updates(
    options: Pick<UpdatesOptions, "onBatch" | "isOver" | "rateAt"> = {},
  ): AsyncGenerator<Update, void, undefined> {
    const { step, position, skipped } = this.start;
    return updates({
      ...options,
      trainerAt: (step) => this.#trainerAt(step),
      batches: preparedBatches(this.pairs, this.config, this.model, step + 1, position),
      config: this.config,
      skipped,
      describeRows: ({ step, rows }: PreparedBatch) => this.pairs.at(step).describe(rows),
    });
  }

  /** Time and memory used so far. */
  usage(): TrainerUsage {
    return sumOfUsage(this.#usedBefore, this.trainer.usage());
  }

  /** What a checkpoint of a state holds. */
  checkpointContent(state: RunState): CheckpointContent {
    return {
      state,
      data: this.pairs.keys.join(" "),
      config: this.config,
      model: this.model,
      tokenizerJson: this.tokenizer.toJson(),
    };
  }

  [Symbol.dispose](): void {
    this.trainer[Symbol.dispose]();
    this.pairs[Symbol.dispose]();
  }

  /** The trainer of an update; what is trained is fixed for the life of one. */
  async #trainerAt(step: number): Promise<NativeTrainer> {
    const { trainer, layout, part } = this.training;
    if (valueAt(this.config.training.train_only, step) === part) return trainer;
    const state = STATES.map((name) => [name, trainer.read(name)] as const);
    this.#usedBefore = this.usage();
    trainer[Symbol.dispose]();
    const weights = tensorsOf(state[0]![1], layout);
    this.training = await createTrainer(this.config, this.model, this.device, step, weights);
    for (const [name, values] of state) this.trainer.write(name, values);
    return this.trainer;
  }
}

/** What a trainer holds, weights first. */
const STATES = ["weights", "firstMoment", "secondMoment", "average"] as const;

/** A trainer, and what it trains. */
interface OpenTrainer {
  readonly trainer: NativeTrainer;
  readonly layout: readonly FlatPlace[];
  readonly part: TrainingAt["train_only"];
}

function sumOfUsage(before: TrainerUsage, now: TrainerUsage): TrainerUsage {
  return {
    forward: before.forward + now.forward,
    backward: before.backward + now.backward,
    update: before.update + now.update,
    peakBytes: Math.max(before.peakBytes, now.peakBytes),
  };
}

/** The device that `training.device` names. */
function parseDevice(name: string): "auto" | Device {
  if (name === "auto") return name;
  const [kind, index = "0"] = name.split(":");
  return { kind: kind as Device["kind"], index: Number(index) };
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
  { data: { train }, text }: TrainingConfig,
  path: string,
): void {
  const before = data.split(" ");
  const added = train.slice(before.length);
  // The slots of sources depend on all data.
  const mayAdd = text.length === "fixed" && added.every(({ from }) => from >= step);
  if (before.every((key, index) => key === keys[index]) && (added.length === 0 || mayAdd)) return;
  throw new UserError(
    ExitCode.data,
    `Cannot resume from "${path}": "data.train" gives other pairs than then; ` +
      "put its files back or start anew with another --output",
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

/** A tensor by its name; undefined where it is to be drawn. */
type WeightSource = (name: string) => Float32Array<ArrayBuffer> | undefined;

/**
 * The weights of `training.start_from`, where there is one.
 *
 * @throws {UserError} where it holds another network
 */
function startingWeights(
  { training: { start_from: path } }: TrainingConfig,
  { network }: ModelConfig,
): WeightSource {
  if (path === null) return () => undefined;
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
  for (const { spec } of config.data.train) {
    for await (const { source, target } of readPairs(spec)) {
      yield source;
      yield target;
    }
  }
}

/**
 * Makes the trainer of an update, at its start.
 *
 * @param weights gives tensors; those it lacks are drawn
 */
async function createTrainer(
  config: TrainingConfig,
  model: ModelConfig,
  device: Device,
  update: number,
  weights: WeightSource,
): Promise<OpenTrainer> {
  const { shifted } = model.network;
  const training = trainingAt(config.training, update);
  using network = new NativeModel(networkFields(model.network));
  const inputs = new Map(network.tensors.map(({ name, shape }) => [name, shape.at(-1)!]));
  // A bias has as many inputs as the weight of its layer; the output layer's weight is tied.
  const inputsOf = (bias: string) =>
    inputs.get(bias.replace(/\.bias$/, ".weight")) ?? model.network.embedding_size;
  network.tensors.forEach((tensor, index) => {
    network.write(
      index,
      weights(tensor.name) ??
        initialWeights(tensor, { seed: training.seed, place: index, inputsOf, shifted }),
    );
  });
  const trainer = await NativeTrainer.create(network, {
    device,
    dtype: training.dtype,
    threads: training.threads,
    portable: false,
    chainOnly: training.train_only === "token_chain",
    ...processOf(model.diffusion).trainingTables(),
  });
  return { trainer, layout: flatLayout(network), part: training.train_only };
}
