/** The network as a class: weights from a model folder, on a device, ready to generate. */
import { type DecodingOptions, NativeDecoding } from "../native/decoding.ts";
import {
  type GenerationOptions,
  NativeGeneration,
  type SourceBatch,
} from "../native/generation.ts";
import { type Device, type Dtype, NativeModel } from "../native/model.ts";
import type { NetworkConfig } from "./config.ts";
import type { ModelFolder } from "./model_folder.ts";
import { networkFields } from "./network_fields.ts";
import { toFloat32 } from "./tensors.ts";
import { TokenTable } from "./token_table.ts";

/** Where and how the network computes. */
export interface DenoiserOptions {
  readonly device: Device;
  readonly dtype: Dtype;
  /** CPU threads; 0: one per hardware thread. */
  readonly threads: number;
}

/** AR-Diffusion's denoiser (SPEC 4). Dispose of it when done: `using denoiser = ...`. */
export class Denoiser implements Disposable {
  readonly #model: NativeModel;
  #table: TokenTable | undefined;
  readonly network: NetworkConfig;

  private constructor(model: NativeModel, network: NetworkConfig) {
    this.#model = model;
    this.network = network;
  }

  /** The denoiser of a loaded model folder. */
  static fromFolder(folder: ModelFolder, options: DenoiserOptions): Promise<Denoiser> {
    return Denoiser.create(folder.config.network, (name) => {
      const tensor = folder.tensors.get(name);
      if (tensor === undefined) throw new RangeError(`The model folder lacks tensor ${name}`);
      return toFloat32(tensor);
    }, options);
  }

  /**
   * A denoiser from weights given by name.
   *
   * @param values the float32 values of a tensor, asked for once each
   * @throws {UserError} where the device is missing or memory does not suffice
   */
  static async create(
    network: NetworkConfig,
    values: (name: string) => Float32Array<ArrayBuffer>,
    options: DenoiserOptions,
  ): Promise<Denoiser> {
    const model = new NativeModel(networkFields(network));
    try {
      model.tensors.forEach(({ name }, index) => model.write(index, values(name)));
      await model.prepare(options.device, options.dtype, options.threads);
    } catch (error) {
      model[Symbol.dispose]();
      throw error;
    }
    return new Denoiser(model, network);
  }

  /** Encodes sources, once, and starts their candidates from noise. */
  start(sources: SourceBatch, options: GenerationOptions): Promise<NativeGeneration> {
    return NativeGeneration.start(this.#model, sources, options);
  }

  /**
   * Encodes sources, once, and starts empty rows for their texts. Of networks in the shifted layout
   * without time conditioning.
   */
  decode(sources: SourceBatch, options: DecodingOptions): Promise<NativeDecoding> {
    return NativeDecoding.start(this.#model, sources, options);
  }

  /** The tokens' embeddings as rounding compares with them, copied the first time they are asked for. */
  get tokenTable(): TokenTable {
    return this.#table ??= new TokenTable(this.network, (name) => {
      return this.#model.read(this.#model.tensors.findIndex((tensor) => tensor.name === name));
    });
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}
