/** A model of the shim: the network's weights, on a device once prepared. */
import { ExitCode, UserError } from "../errors.ts";
import { unwrap, unwrapAsync } from "./errors.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { library } from "./library.ts";

/** Where the network computes. */
export interface Device {
  /** Processor or graphics card. */
  readonly kind: "cpu" | "cuda";
  /** Counts CUDA devices; 0 on the CPU. */
  readonly index: number;
}

/** Data type of the network's arithmetic. */
export type Dtype = "f32" | "bf16";

/**
 * A device's index as the shim takes it.
 *
 * @throws {UserError} where no machine has so many, which is more than an int32_t could say
 */
export function deviceIndex({ kind, index }: Device): number {
  if (Number.isInteger(index) && index >= 0 && index < 2 ** 31) return index;
  throw new UserError(ExitCode.device, `Cannot use device "${kind}:${index}": there is none`);
}

/** `ardiff_device` of ardiff.h. */
export const DEVICE_CODES = { cpu: 0, cuda: 1 } as const;
/** `ardiff_dtype` of ardiff.h. */
export const DTYPE_CODES = { f32: 0, bf16: 1 } as const;
/** `ardiff_time_conditioning` of ardiff.h. */
export const TIME_CODES = { txl: 0, rotary: 1, additive: 2, none: 3 } as const;

/** Name and shape of a weight tensor. */
interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Owns an `ardiff_model`. */
export class NativeModel implements Disposable {
  readonly #handle: Handle;
  /** All weights, in the shim's order. */
  readonly tensors: readonly TensorInfo[];

  /**
   * Creates a model with all weights unset.
   *
   * @param network the fields of `ardiff_network_config` after `struct_size`, in order
   */
  constructor(network: readonly number[]) {
    const { ardiff_model_create, ardiff_model_free, ardiff_model_tensor_count } = library();
    const slot = new HandleSlot();
    const config = Int32Array.of(4 * (network.length + 1), ...network);
    unwrap((...error) => ardiff_model_create(bytes(config), bytes(slot.buffer), ...error));
    this.#handle = new Handle(this, slot.value, ardiff_model_free);
    const count = ardiff_model_tensor_count(this.#handle.value);
    this.tensors = Array.from({ length: count }, (_, index) => this.#info(index));
  }

  /** The handle, for the other classes of this folder. */
  get handle(): Handle {
    return this.#handle;
  }

  /** Copies float32 values into tensor `index`. */
  write(index: number, values: Float32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_model_write_tensor(
        this.#handle.value,
        index,
        bytes(values),
        values.length,
        ...error,
      )
    );
  }

  /** A copy of tensor `index`. */
  read(index: number): Float32Array<ArrayBuffer> {
    const shape = this.tensors[index]?.shape ?? [];
    const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
    unwrap((...error) =>
      library().ardiff_model_read_tensor(
        this.#handle.value,
        index,
        bytes(values),
        values.length,
        ...error,
      )
    );
    return values;
  }

  /** Makes the model ready to generate. `threads` 0: one per hardware thread. */
  prepare(device: Device, dtype: Dtype, threads: number): Promise<void> {
    return this.#handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_model_prepare(
          handle,
          DEVICE_CODES[device.kind],
          deviceIndex(device),
          DTYPE_CODES[dtype],
          threads,
          ...error,
        )
      )
    );
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  #info(index: number): TensorInfo {
    const name = new Uint8Array(256);
    const shape = new Int32Array(4);
    const dimensions = new Int32Array(1);
    unwrap((...error) =>
      library().ardiff_model_tensor_info(
        this.#handle.value,
        index,
        name,
        name.length,
        bytes(shape),
        bytes(dimensions),
        ...error,
      )
    );
    return {
      name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
      shape: Array.from(shape.subarray(0, dimensions[0])),
    };
  }
}

/** The bytes of a typed array, without a copy: what `Deno.dlopen` takes as a buffer. */
export function bytes(values: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
