/** What the loaded library says of itself and of the machine, and its small tools. */
import { unwrap } from "./errors.ts";
import { library } from "./library.ts";
import { bytes, type Dtype, DTYPE_CODES } from "./model.ts";

/** `ardiff_describe`. */
export interface LibraryDescription {
  readonly abi: number;
  readonly libtorch: string;
  /** The instruction set the CPU kernels use: baseline, avx2, avx512, amx or neon. */
  readonly instruction_set: string;
  /** Floats in a vector register. */
  readonly vector_width: number;
  /** Hardware threads. */
  readonly threads: number;
  /** Steps of generation as graphs on CUDA: by what they are recorded, and what was so far. */
  readonly step_graphs: {
    readonly by: string | null;
    readonly recorded: number;
    readonly replayed: number;
    /** Why the last recording that failed did. */
    readonly failure: string | null;
  };
  readonly cuda_devices: readonly {
    readonly index: number;
    readonly name?: string;
    readonly memory?: number;
  }[];
}

/** Describes the build and the machine. */
export function describeLibrary(): LibraryDescription {
  const json = new Uint8Array(8192);
  unwrap((...error) => library().ardiff_describe(json, json.length, ...error));
  return JSON.parse(new TextDecoder().decode(json.subarray(0, json.indexOf(0))));
}

/** Philox4x32-10 of a counter (4) and a key (2). */
export function philox(
  counter: Uint32Array<ArrayBuffer>,
  key: Uint32Array<ArrayBuffer>,
): Uint32Array<ArrayBuffer> {
  const output = new Uint32Array(4);
  unwrap((...error) =>
    library().ardiff_philox(bytes(counter), bytes(key), bytes(output), ...error)
  );
  return output;
}

/** The noise generator's key for a source. */
export function noiseKey(seed: bigint, ids: Int32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const key = new Uint32Array(2);
  unwrap((...error) =>
    library().ardiff_noise_key(seed, bytes(ids), ids.length, bytes(key), ...error)
  );
  return key;
}

/** Makes models prepared from now on use the CPU kernels of an instruction set, for tests. */
export function chooseKernels(name: "baseline" | "avx2" | "avx512" | "amx" | "neon"): void {
  const text = new TextEncoder().encode(`${name}\0`);
  unwrap((...error) => library().ardiff_choose_kernels(text, ...error));
}

/** Seconds of one [rows, inner] x [inner, columns] product on one thread, best of `repeats`. */
export function timeMatmul(
  rows: number,
  columns: number,
  inner: number,
  dtype: Dtype,
  repeats: number,
): number {
  const seconds = new Float64Array(1);
  unwrap((...error) =>
    library().ardiff_time_matmul(
      rows,
      columns,
      inner,
      DTYPE_CODES[dtype],
      repeats,
      bytes(seconds),
      ...error,
    )
  );
  return seconds[0] ?? 0;
}
