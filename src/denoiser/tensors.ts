/**
 * Tensors as they are stored in files: bytes with a data type and a shape, and their conversion to
 * the types that ardiff computes in.
 */
import { elementCount } from "./parameters.ts";

/** Bytes per value of the data types of safetensors. */
export const DATA_TYPE_SIZES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

/** A data type, named as in safetensors. */
export type DataType = keyof typeof DATA_TYPE_SIZES;

/** The data types whose values {@linkcode toFloat32} converts. */
export type FloatType = "F64" | "F32" | "F16" | "BF16";

/** A dense row-major tensor as stored: little-endian bytes. */
export interface StoredTensor {
  /** The type of its values. */
  readonly dtype: DataType;
  /** Its sizes, the slowest axis first. */
  readonly shape: readonly number[];
  /** Its values. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Whether a data type is one of floating-point numbers. */
export function isFloatType(dtype: DataType): dtype is FloatType {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/**
 * The values of a floating-point tensor as float32. Shares memory with the tensor where it is
 * already float32 and aligned.
 *
 * @throws {TypeError} where the tensor is not of a floating-point type
 */
export function toFloat32({ dtype, bytes }: StoredTensor): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return aligned(Float32Array, bytes);
    case "F64":
      return new Float32Array(aligned(Float64Array, bytes));
    case "F16":
      return new Float32Array(aligned(Float16Array, bytes));
    case "BF16":
      return fromBfloat16(aligned(Uint16Array, bytes));
    default:
      throw new TypeError(`A tensor of type ${dtype} has no float32 values`);
  }
}

/**
 * The values of an integer tensor as int32.
 *
 * @throws {RangeError} where a value does not fit
 * @throws {TypeError} where the tensor is neither I64 nor I32
 */
export function toInt32({ dtype, bytes }: StoredTensor): Int32Array<ArrayBuffer> {
  if (dtype === "I32") return aligned(Int32Array, bytes);
  if (dtype !== "I64") throw new TypeError(`A tensor of type ${dtype} has no int32 values`);
  const wide = aligned(BigInt64Array, bytes);
  return Int32Array.from(wide, (value) => {
    if (BigInt.asIntN(32, value) !== value) throw new RangeError(`${value} exceeds 32 bits`);
    return Number(value);
  });
}

/** Stores float32 values in a floating-point type, rounding to the nearest, ties to even. */
export function fromFloat32(
  values: Float32Array<ArrayBuffer>,
  dtype: FloatType,
): Uint8Array<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return bytesOf(values);
    case "F64":
      return bytesOf(new Float64Array(values));
    case "F16":
      return bytesOf(new Float16Array(values));
    case "BF16":
      return bytesOf(toBfloat16(values));
  }
}

/** The position of the first NaN or infinity of a floating-point tensor, or -1. */
export function firstNonFinite(tensor: StoredTensor): number {
  switch (tensor.dtype) {
    case "F32":
      return firstWithAllBits(aligned(Uint32Array, tensor.bytes), 0x7f800000);
    case "F16":
      return firstWithAllBits(aligned(Uint16Array, tensor.bytes), 0x7c00);
    case "BF16":
      return firstWithAllBits(aligned(Uint16Array, tensor.bytes), 0x7f80);
    default:
      return toFloat32(tensor).findIndex((value) => !Number.isFinite(value));
  }
}

/** The number of bytes that a shape takes in a data type. */
export function byteCount(dtype: DataType, shape: readonly number[]): number {
  return elementCount(shape) * DATA_TYPE_SIZES[dtype];
}

/** The memory of a typed array. */
export function bytesOf(values: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

interface TypedArrayConstructor<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

/** Bytes seen as values of a type; copied first where they do not start on a multiple of its size. */
function aligned<T>(type: TypedArrayConstructor<T>, bytes: Uint8Array<ArrayBuffer>): T {
  const size = type.BYTES_PER_ELEMENT;
  const start = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(start.buffer, start.byteOffset, start.byteLength / size);
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return values;
}

function toBfloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // Rounding could carry a NaN over to infinity or zero: cut it and make it quiet instead.
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** The exponent's bits are all set in NaN and infinity, and in nothing else. */
function firstWithAllBits(words: Uint16Array | Uint32Array, mask: number): number {
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & mask) === mask) return i;
  }
  return -1;
}
