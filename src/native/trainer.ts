/** A trainer of the shim: weights, gradients, moments and average stay on the device. */
import { unwrap, unwrapAsync } from "./errors.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { library } from "./library.ts";
import {
  bytes,
  type Device,
  DEVICE_CODES,
  deviceIndex,
  type Dtype,
  DTYPE_CODES,
  type NativeModel,
} from "./model.ts";
import { packFields, packStruct } from "./structs.ts";
import {
  BATCH_FIELDS,
  type BatchOptions,
  UPDATE_FIELDS,
  type UpdateOptions,
} from "./trainer_options.ts";

/** Fixed for the life of a trainer: `ardiff_trainer_config`. */
interface TrainerSettings {
  readonly device: Device;
  /** Data type of the network's matmuls; weights, gradients and losses are float32 in both. */
  readonly dtype: Dtype;
  /** CPU threads; 0: one per hardware thread. */
  readonly threads: number;
  /** Take the portable path even where there are CPU kernels. */
  readonly portable: boolean;
  /** Train the chain head alone. Default false. */
  readonly chainOnly?: boolean;
  /** sqrt(1 - abar[0]), the noise between embedding and x0. */
  readonly embeddingNoise: number;
  /** sqrt(abar[T-1]), the factor on x0 in the prior loss. */
  readonly priorScale: number;
  /** [T, 4] scaled timestep, factor on x0, factor on the noise, factor on z at the input. */
  readonly schedule: Float32Array<ArrayBuffer>;
}

/** The rows of one micro-batch: B rows of L source positions and N target slots. */
export interface TrainingBatch {
  readonly rows: number;
  readonly length: number;
  readonly slots: number;
  /** [B, L] source token ids. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [B, L], 1 for a token and 0 for padding. */
  readonly mask: Uint8Array<ArrayBuffer>;
  /** [B, N] target token ids, padding included. */
  readonly targetIds: Int32Array<ArrayBuffer>;
  /** [B, N] the token left of each slot's position; in the shifted layout, and only there. */
  readonly leftIds?: Int32Array<ArrayBuffer>;
  /** [B, N], 0 where no slot attends; absent: all slots are seen. */
  readonly keyMask?: Uint8Array<ArrayBuffer>;
  /** [N, N], 0 where the slot of the row does not attend to that of the column; absent: all do. */
  readonly attentionMask?: Uint8Array<ArrayBuffer>;
  /** [N] learned positions of the slots, which may be shared; absent: slot n has position n. */
  readonly positions?: Int32Array<ArrayBuffer>;
  /** [B, N] token-level timesteps, 0 to T - 1. */
  readonly timesteps: Int32Array<ArrayBuffer>;
  /** [B, N] weight of each slot's loss; absent: all 1. */
  readonly weights?: Float32Array<ArrayBuffer>;
  /** [B, N, C] noise in place of the generator's. */
  readonly embeddingNoise?: Float32Array<ArrayBuffer>;
  readonly diffusionNoise?: Float32Array<ArrayBuffer>;
}

/** The loss of a micro-batch and its terms: weighted sums over slots, divided by the normaliser. */
export interface LossTerms {
  readonly loss: number;
  readonly mse: number;
  readonly nll: number;
  readonly prior: number;
}

/** What an update did. */
interface UpdateResult {
  /** L2 norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** False where the gradients were not finite and nothing changed. */
  readonly applied: boolean;
}

/** Wall-clock seconds inside the shim, and its peak memory. */
export interface TrainerUsage {
  readonly forward: number;
  readonly backward: number;
  readonly update: number;
  readonly peakBytes: number;
}

/** The flat buffers, `ardiff_training_state`. */
const STATES = { weights: 0, gradients: 1, firstMoment: 2, secondMoment: 3, average: 4 } as const;

/** Name of a flat buffer. */
type TrainerState = keyof typeof STATES;

/** Owns an `ardiff_trainer`. */
export class NativeTrainer implements Disposable {
  readonly #handle: Handle;
  /** Number of float32 values in each flat buffer. */
  readonly size: number;

  private constructor(handle: bigint) {
    this.#handle = new Handle(this, handle, library().ardiff_trainer_free);
    this.size = Number(library().ardiff_trainer_size(handle));
  }

  /** Starts from a model's weights, all of which must be set; moments are zero. */
  static async create(model: NativeModel, settings: TrainerSettings): Promise<NativeTrainer> {
    const slot = new HandleSlot();
    const config = packSettings(settings);
    await holding(
      [config, settings],
      model.handle.during((handle) =>
        unwrapAsync((...error) =>
          library().ardiff_trainer_create(
            handle,
            config,
            bytes(settings.schedule),
            bytes(slot.buffer),
            ...error,
          )
        )
      ),
    );
    return new NativeTrainer(slot.value);
  }

  /**
   * Forward pass, loss and, if asked, backward pass; the gradient is formed from zero and added to
   * those already there.
   *
   * @param slotTerms [6, B, N], receives loss, mse, nll, prior, mean (x0 - x0_hat)^2 and
   *   mean (embedding - x0_hat)^2 of every slot, neither weighted nor divided
   */
  async batch(
    batch: TrainingBatch,
    options: BatchOptions,
    slotTerms?: Float32Array<ArrayBuffer>,
  ): Promise<LossTerms> {
    const terms = new Float32Array(4);
    const packed = packFields(BATCH_FIELDS, options);
    await holding(
      [packed, batch, slotTerms],
      this.#handle.during((handle) =>
        unwrapAsync((...error) =>
          library().ardiff_trainer_batch(
            handle,
            packed,
            bytes(batch.ids),
            batch.mask,
            batch.rows,
            batch.length,
            bytes(batch.targetIds),
            optionalBytes(batch.leftIds),
            batch.keyMask ?? null,
            batch.attentionMask ?? null,
            optionalBytes(batch.positions),
            bytes(batch.timesteps),
            optionalBytes(batch.weights),
            batch.slots,
            optionalBytes(batch.embeddingNoise),
            optionalBytes(batch.diffusionNoise),
            bytes(terms),
            optionalBytes(slotTerms),
            ...error,
          )
        )
      ),
    );
    const [loss = NaN, mse = NaN, nll = NaN, prior = NaN] = terms;
    return { loss, mse, nll, prior };
  }

  /** Clips the gradients, updates weights, moments and average, and sets the gradients to zero. */
  async update(options: UpdateOptions): Promise<UpdateResult> {
    const norm = new Float64Array(1);
    const applied = new Int32Array(1);
    const packed = packFields(UPDATE_FIELDS, options);
    await holding(
      packed,
      this.#handle.during((handle) =>
        unwrapAsync((...error) =>
          library().ardiff_trainer_update(handle, packed, bytes(norm), bytes(applied), ...error)
        )
      ),
    );
    return { gradientNorm: norm[0] ?? NaN, applied: applied[0] === 1 };
  }

  /** Copies a flat buffer out. Tensors lie in the model's order, see {@linkcode flatLayout}. */
  read(state: TrainerState): Float32Array<ArrayBuffer> {
    const values = new Float32Array(this.size);
    unwrap((...error) =>
      library().ardiff_trainer_read(
        this.#handle.value,
        STATES[state],
        bytes(values),
        BigInt(values.length),
        ...error,
      )
    );
    return values;
  }

  /** Moves the gradients into a buffer of {@linkcode NativeTrainer.size} values; they are zero then. */
  takeGradients(values: Float32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_trainer_take_gradients(
        this.#handle.value,
        bytes(values),
        BigInt(values.length),
        ...error,
      )
    );
  }

  /** Replaces a flat buffer; the values must be finite, but for gradients. */
  write(state: TrainerState, values: Float32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_trainer_write(
        this.#handle.value,
        STATES[state],
        bytes(values),
        BigInt(values.length),
        ...error,
      )
    );
  }

  /** Copies weights or their average into a model of the same configuration. */
  export(state: "weights" | "average", model: NativeModel): void {
    unwrap((...error) =>
      library().ardiff_trainer_export(
        this.#handle.value,
        STATES[state],
        model.handle.value,
        ...error,
      )
    );
  }

  /** Time and memory used so far. */
  usage(): TrainerUsage {
    const buffer = new ArrayBuffer(32);
    unwrap((...error) =>
      library().ardiff_trainer_usage_read(this.#handle.value, new Uint8Array(buffer), ...error)
    );
    const [forward = 0, backward = 0, update = 0] = new Float64Array(buffer, 0, 3);
    return {
      forward,
      backward,
      update,
      peakBytes: Number(new DataView(buffer).getBigInt64(24, true)),
    };
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

const held = new Set<unknown>();

/** Keeps what a pending call reads from being collected, which nothing else would. */
async function holding(buffers: unknown, pending: Promise<void>): Promise<void> {
  held.add(buffers);
  try {
    await pending;
  } finally {
    held.delete(buffers);
  }
}

/** Where a tensor lies in a flat buffer, in float32 values. */
export interface FlatPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly length: number;
}

/** Tensors of a flat buffer start at multiples of this many values. */
const ALIGNMENT = 16;

/** The place of every tensor of a model in a trainer's flat buffers. */
export function flatLayout(model: NativeModel): FlatPlace[] {
  let next = 0;
  return model.tensors.map(({ name, shape }) => {
    const start = next;
    const length = shape.reduce((product, n) => product * n, 1);
    next = Math.ceil((start + length) / ALIGNMENT) * ALIGNMENT;
    return { name, shape, start, length };
  });
}

type Packed = Uint8Array<ArrayBuffer>;

function optionalBytes(values: ArrayBufferView<ArrayBuffer> | undefined): Packed | null {
  return values === undefined ? null : bytes(values);
}

function packSettings(settings: TrainerSettings): Packed {
  return packStruct([
    ["i32", DEVICE_CODES[settings.device.kind]],
    ["i32", deviceIndex(settings.device)],
    ["i32", DTYPE_CODES[settings.dtype]],
    ["i32", settings.threads],
    ["i32", Number(settings.portable)],
    ["i32", Number(settings.chainOnly ?? false)],
    ["i32", settings.schedule.length / 4],
    ["f32", settings.embeddingNoise],
    ["f32", settings.priorScale],
  ]);
}
