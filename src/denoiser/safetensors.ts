/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header that gives each
 * tensor's type, shape and place, then the data. A header cannot be trusted: every length and place
 * is checked before a byte of data is used.
 */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { readFileBytes, writeAll, writeFileAtomically } from "../host/files.ts";
import { describe, isObject } from "../host/json_value.ts";
import { parseJsonText } from "../json_text.ts";
import { standIn } from "../host/not_the_file.ts";
import {
  byteCount,
  DATA_TYPE_SIZES,
  type DataType,
  type FloatType,
  fromFloat32,
  type StoredTensor,
} from "./tensors.ts";

/** The content of a file. */
export interface Safetensors {
  /** Tensors by name, in the order of the data. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The free-form strings of `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to be written; its bytes are asked for when their turn comes. */
interface TensorToWrite {
  /** Its name in the file. */
  readonly name: string;
  /** The type of its values as stored. */
  readonly dtype: DataType;
  /** Its sizes, the slowest axis first. */
  readonly shape: readonly number[];
  /** Its values, dense, row-major and little-endian. */
  readonly bytes: () => Uint8Array<ArrayBuffer>;
}

/** The format's own limit; no header of a real model comes near it. */
const MAX_HEADER_BYTES = 100_000_000;
/** Large enough for any tensor in memory, small enough that sums of two stay exact. */
const MAX_OFFSET = 2 ** 52;

/**
 * Reads a file. The tensors are views of one buffer that holds all of it.
 *
 * @throws {UserError} where the file cannot be read or its header does not describe its data
 */
export function readSafetensors(path: string): Safetensors {
  return parseSafetensors(readFileBytes(path), path);
}

/** Whether bytes look like a safetensors file rather than some other format. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === "{".charCodeAt(0);
}

/**
 * Parses the content of a file.
 *
 * @param source the file's path, for messages
 * @throws {UserError} where the header does not describe the data
 */
export function parseSafetensors(bytes: Uint8Array<ArrayBuffer>, source: string): Safetensors {
  const fail = (problem: string): never => {
    throw new UserError(ExitCode.model, `Cannot read tensors of "${source}": ${problem}`);
  };
  const other = standIn(bytes);
  if (other !== undefined) fail(other);
  if (bytes.length < 8) fail(`it has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > MAX_HEADER_BYTES || headerLength > bytes.length - 8) {
    fail(`its header claims ${headerLength} bytes, but the file has only ${bytes.length}`);
  }
  const dataStart = 8 + Number(headerLength);
  const header = parseHeader(bytes.subarray(8, dataStart), fail);
  const { __metadata__: metadata = {}, ...entries } = header;
  const data = bytes.subarray(dataStart);
  const places = Object.entries(entries)
    .map(([name, entry]) => parseEntry(name, entry, fail))
    .sort((left, right) => left.begin - right.begin || left.end - right.end);
  const tensors = new Map<string, StoredTensor>();
  let end = 0;
  for (const place of places) {
    if (place.begin !== end) {
      const what = place.begin < end ? "overlaps the tensor before it" : "leaves a gap before it";
      fail(`tensor "${place.name}" ${what}`);
    }
    if (place.end > data.length) {
      fail(
        `tensor "${place.name}" ends at byte ${place.end} of the data, which has ${data.length}: ` +
          "the file is truncated",
      );
    }
    end = place.end;
    tensors.set(place.name, {
      dtype: place.dtype,
      shape: place.shape,
      bytes: data.subarray(place.begin, place.end),
    });
  }
  if (end !== data.length) fail(`${data.length - end} bytes of data belong to no tensor`);
  return { tensors, metadata: parseMetadata(metadata, fail) };
}

/**
 * Writes a file atomically, one tensor at a time.
 *
 * @param metadata free-form strings
 * @throws {UserError} where it cannot be written
 */
export function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  // Wide types first, so that every tensor starts on a multiple of its value's size.
  const ordered = tensors.toSorted(
    (left, right) => DATA_TYPE_SIZES[right.dtype] - DATA_TYPE_SIZES[left.dtype],
  );
  writeFileAtomically(path, (file) => {
    writeAll(file, headerOf(ordered, metadata));
    for (const { name, dtype, shape, bytes } of ordered) {
      const data = bytes();
      if (data.length !== byteCount(dtype, shape)) {
        throw new RangeError(`Tensor "${name}" has ${data.length} bytes, which its shape denies`);
      }
      writeAll(file, data);
    }
  });
}

/** A float32 tensor to be written in a floating-point type. */
export function floatTensor(
  name: string,
  shape: readonly number[],
  values: () => Float32Array<ArrayBuffer>,
  dtype: FloatType,
): TensorToWrite {
  return { name, dtype, shape, bytes: () => fromFloat32(values(), dtype) };
}

function parseHeader(bytes: Uint8Array, fail: Fail): Readonly<Record<string, unknown>> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const header = parseJsonText(text);
    if (isObject(header)) return header;
  } catch (error) {
    fail(`its header is not valid JSON (${messageOf(error)})`);
  }
  return fail("its header is not a JSON object");
}

interface Place {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseEntry(name: string, entry: unknown, fail: Fail): Place {
  if (!isObject(entry)) return fail(`tensor "${name}" is described by ${describe(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDataType(dtype)) {
    return fail(`tensor "${name}" has data type ${describe(dtype)}, which ardiff does not know`);
  }
  if (!isListOfSizes(shape)) return fail(`tensor "${name}" has shape ${describe(shape)}`);
  if (!isListOfSizes(offsets) || offsets.length !== 2) {
    return fail(`tensor "${name}" has data offsets ${describe(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== byteCount(dtype, shape)) {
    fail(
      `tensor "${name}" of type ${dtype} and shape [${shape}] has ${end - begin} bytes of data, ` +
        `expected ${byteCount(dtype, shape)}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function isDataType(value: unknown): value is DataType {
  return typeof value === "string" && Object.hasOwn(DATA_TYPE_SIZES, value);
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0 && size <= MAX_OFFSET);
}

function parseMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isObject(value)) return fail(`its __metadata__ is ${describe(value)}`);
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") fail(`its __metadata__ key "${key}" is ${describe(entry)}`);
  }
  return value as Record<string, string>;
}

/** The header with its length, padded with spaces so that the data starts on a multiple of 8. */
function headerOf(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header["__metadata__"] = metadata;
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = begin + byteCount(dtype, shape);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
    begin = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(" ".charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
