/** A run that is ready to train: tokenizer, data, network and where it stands. */
import type { ModelConfig } from "../denoiser/config.ts";
import { loadModelFolder } from "../denoiser/model_folder.ts";
import { networkFields } from "../denoiser/network_fields.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import { resolveDevice } from "../native/device.ts";
import { describeLibrary } from "../native/library_info.ts";
import { type Device, NativeModel } from "../native/model.ts";
import { flatLayout, type FlatPlace, NativeTrainer, type TrainerUsage } from "../native/trainer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { preparedBatches } from "./batch_stream.ts";
import {
  type CheckpointContent,
  restoreMemory,
  restoreTrainer,
  type RunState,
  tensorsOf,
} from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import { initialWeights } from "./initial_weights.ts";
import { LossMemory } from "./loss_memory.ts";
import { modelConfigOf } from "./model_config.ts";
import type { TrainingAt } from "./options.ts";
import { prepare, type RunOptions } from "./preparation.ts";
import type { ProcessGroup } from "./process_group.ts";
import { valueAt } from "./scheduled.ts";
import { trainingAt } from "./schedules.ts";
import type { TrainingPairs } from "./training_pairs.ts";
import { Exchanges } from "./update_exchange.ts";
import { type Update, updates, type UpdatesOptions } from "./updates.ts";

/** A run. Dispose of it when done. */
export class Run implements Disposable {
  /** What trainers before the present one have used. */
  #usedBefore: TrainerUsage = { forward: 0, backward: 0, update: 0, peakBytes: 0 };

  private constructor(
    readonly config: TrainingConfig,
    private readonly firstModel: ModelConfig,
    readonly tokenizer: Tokenizer,
    readonly pairs: TrainingPairs,
    private training: OpenTrainer,
    readonly place: Place,
    readonly group: ProcessGroup,
    /** Where the run stood when it was opened. */
    readonly start: RunState,
    private readonly memory: LossMemory | undefined,
  ) {}

  /** The model's configuration, with what has been learned of its process. */
  get model(): ModelConfig {
    return this.memory?.model ?? this.firstModel;
  }

  /**
   * Opens a run at its start or at a checkpoint.
   *
   * @throws {UserError} where data cannot be read, options do not go together, the checkpoint is
   *   damaged or was made with other options or data
   */
  static async open(options: RunOptions): Promise<Run> {
    const { config, source, checkpoint, group } = options;
    const { tokenizer, pairs, start } = await prepare(options);
    try {
      const model = modelConfigOf(config, tokenizer, pairs.all(), source);
      const place = { device: deviceOf(config, group), threads: threadsOf(config, group) };
      // What a checkpoint goes on from is in it; other ranks get what rank 0 starts from.
      const weights = checkpoint === undefined && group.isFirst
        ? startingWeights(config, model)
        : () => undefined;
      const training = await createTrainer(config, model, place, start.step + 1, weights);
      if (checkpoint !== undefined && group.isFirst) {
        restoreTrainer(checkpoint, training.trainer, training.layout);
      }
      const memory = LossMemory.of(config, model);
      if (checkpoint !== undefined && group.isFirst) restoreMemory(checkpoint, memory);
      await shareState(group, training.trainer, memory);
      return new Run(config, model, tokenizer, pairs, training, place, group, start, memory);
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
    const { pairs, config, model, group, memory } = this;
    const exchanges = new Exchanges(group);
    return updates({
      ...options,
      trainerAt: (step) => this.#trainerAt(step),
      batches: preparedBatches(pairs, config, model, step + 1, position, memory, group),
      config,
      skipped,
      ...memory && { memory: { losses: memory, group } },
      describeRows: ({ step, rows }) => pairs.at(step).describe(rows),
      exchangeOf: (microBatches) => exchanges.of(this.trainer, microBatches),
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
      ...this.memory && { memory: this.memory.state },
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
    this.training = await createTrainer(this.config, this.model, this.place, step, weights);
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

/** What a rank trains with. */
export interface Place {
  readonly device: Device;
  /** CPU threads of this process. */
  readonly threads: number;
}

function sumOfUsage(before: TrainerUsage, now: TrainerUsage): TrainerUsage {
  return {
    forward: before.forward + now.forward,
    backward: before.backward + now.backward,
    update: before.update + now.update,
    peakBytes: Math.max(before.peakBytes, now.peakBytes),
  };
}

/** Gives every rank the weights, moments, average and memory of rank 0. */
async function shareState(
  group: ProcessGroup,
  trainer: NativeTrainer,
  memory: LossMemory | undefined,
): Promise<void> {
  if (group.size === 1) return;
  for (const state of STATES) {
    const values = trainer.read(state);
    await group.share(values);
    if (!group.isFirst) trainer.write(state, values);
  }
  if (memory === undefined) return;
  const state = memory.state.slice();
  await group.share(state);
  memory.restore(state);
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

/**
 * Makes the trainer of an update, at its start.
 *
 * @param weights gives tensors; those it lacks are drawn
 */
async function createTrainer(
  config: TrainingConfig,
  model: ModelConfig,
  { device, threads }: Place,
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
    threads,
    portable: false,
    chainOnly: training.train_only === "token_chain",
    ...processOf(model.diffusion).trainingTables(),
  });
  return { trainer, layout: flatLayout(network), part: training.train_only };
}
