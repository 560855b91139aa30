/**
 * Reads what `torch.save` writes (the zip form of PyTorch 1.6 and later) without Python and without
 * executing pickled code: a state dict, alone or inside a training run's checkpoint.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { elementCount } from "./parameters.ts";
import { type PickleFunction, unpickle } from "./pickle.ts";
import { stripPrefixes } from "./state_dict.ts";
import { byteCount, DATA_TYPE_SIZES, type DataType, type StoredTensor } from "./tensors.ts";
import { readZip } from "./zip.ts";

/** A state dict found in a checkpoint. */
interface TorchCheckpoint {
  /** Its tensors by name, prefixes of wrappers left out. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names in it that have no tensor. */
  readonly ignored: readonly string[];
  /** The keys under which it was found; empty where the checkpoint is the state dict itself. */
  readonly path: readonly string[];
}

/**
 * Keys under which training programs keep the weights, the preferred first: where a checkpoint has
 * averaged weights too, those are what its program generates with.
 */
const STATE_DICT_KEYS = [
  "ema",
  "ema_model",
  "ema_state_dict",
  "model_dict",
  "model_state_dict",
  "state_dict",
  "model",
  "module",
];

/**
 * What copies of strided views may take, in multiples of the file: real ones are permutations of what
 * is stored, but a few bytes can claim to repeat for ever.
 */
const MAX_COPIED_SHARE = 4;
const MIN_COPIED_BYTES = 2 ** 20;

const STORAGE_TYPES: Readonly<Record<string, DataType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/**
 * Reads a checkpoint and finds the state dict in it.
 *
 * @param bytes the file's content
 * @param source the file's path, for messages
 * @throws {UserError} where the file is damaged, refers to anything but tensors and plain data, or
 *   holds no state dict
 */
export function parseTorchCheckpoint(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
): TorchCheckpoint {
  const fail = (problem: string): never => {
    throw new UserError(ExitCode.model, `Cannot read checkpoint "${source}": ${problem}`);
  };
  const entries = readZip(bytes, fail);
  const pickleName = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickleName === undefined) return fail("it holds no data.pkl, so torch.save did not write it");
  const folder = pickleName.slice(0, -"data.pkl".length);
  const byteOrder = entries.get(`${folder}byteorder`);
  if (byteOrder && new TextDecoder().decode(byteOrder) !== "little") {
    fail("it was saved on a big-endian machine: save it again on a little-endian one");
  }
  const root = unpickle(entries.get(pickleName)!, {
    globals: allowedGlobals(fail),
    persistent: (id) => storageOf(id, (key) => entries.get(`${folder}data/${key}`), fail),
    fail,
  });
  const limit = Math.max(MIN_COPIED_BYTES, MAX_COPIED_SHARE * bytes.length);
  return findStateDict(root, [], limit, fail) ?? fail("it holds no state dict of tensors");
}

/** A run of values of one type, as stored in an entry of its own. */
class Storage {
  constructor(readonly dtype: DataType, readonly bytes: Uint8Array<ArrayBuffer>) {}
}

/** A tensor as a view of a storage; all in numbers of values. */
class TensorView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** Marks the type of a storage in a persistent id. */
class StorageType {
  constructor(readonly dtype: DataType) {}
}

/** All that a state dict's pickle may name. */
function allowedGlobals(fail: Fail): ReadonlyMap<string, PickleFunction | object> {
  const rebuildParameter: PickleFunction = ([tensor]) =>
    tensor instanceof TensorView ? tensor : fail("it has a parameter that is no tensor");
  const storageTypes = Object.entries(STORAGE_TYPES).map(([name, dtype]) =>
    [`torch.${name}`, new StorageType(dtype)] as const
  );
  return new Map<string, PickleFunction | object>([
    ["collections.OrderedDict", orderedDict],
    ["collections.defaultdict", () => new Map()],
    ["torch._utils._rebuild_tensor_v2", (args: readonly unknown[]) => tensorView(args, fail)],
    ["torch._utils._rebuild_parameter", rebuildParameter],
    ["torch.Size", ([sizes]: readonly unknown[]) => sizes],
    ...storageTypes,
  ]);
}

/** `OrderedDict()` or `OrderedDict([[key, value], ...])`. */
function orderedDict([pairs]: readonly unknown[]): Map<unknown, unknown> {
  const entries = Array.isArray(pairs) ? pairs : [];
  return new Map(entries.filter(Array.isArray).map(([key, value]) => [key, value]));
}

/** Resolves `("storage", type, key, device, count)`. */
function storageOf(
  id: unknown,
  entry: (key: string) => Uint8Array<ArrayBuffer> | undefined,
  fail: Fail,
): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || !(type instanceof StorageType) || typeof key !== "string") {
    return fail("it refers to data of an unknown kind");
  }
  const bytes = entry(key) ?? fail(`it lacks storage "${key}"`);
  if (!isSize(count) || bytes.length !== byteCount(type.dtype, [count])) {
    return fail(`storage "${key}" has ${bytes.length} bytes, which its ${count} values deny`);
  }
  return new Storage(type.dtype, bytes);
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, ...)`: the view must lie in its storage. */
function tensorView(args: readonly unknown[], fail: Fail): TensorView {
  const [storage, offset, shape, strides] = args;
  if (
    !(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides) ||
    shape.length !== strides.length
  ) {
    return fail("it describes a tensor in an unknown way");
  }
  const count = elementCount(shape);
  const reach = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
  const stored = storage.bytes.length / DATA_TYPE_SIZES[storage.dtype];
  if (count > 0 && reach >= stored) {
    fail(`it has a tensor of shape [${shape}] that reaches past its ${stored} stored values`);
  }
  return new TensorView(storage, offset, shape, strides);
}

/** The first dictionary of tensors, searched by the usual keys. */
function findStateDict(
  value: unknown,
  path: readonly string[],
  limit: number,
  fail: Fail,
): TorchCheckpoint | undefined {
  if (!(value instanceof Map) || path.length > 4) return undefined;
  if ([...value.values()].some((entry) => entry instanceof TensorView)) {
    return { ...denseTensors(value, limit, fail), path };
  }
  for (const key of STATE_DICT_KEYS) {
    const found = findStateDict(value.get(key), [...path, key], limit, fail);
    if (found) return found;
  }
  return undefined;
}

/** The tensors of a state dict, and what else stands between them. */
function denseTensors(
  stateDict: ReadonlyMap<unknown, unknown>,
  limit: number,
  fail: Fail,
): Omit<TorchCheckpoint, "path"> {
  const tensors = new Map<string, StoredTensor>();
  const ignored: string[] = [];
  let copied = 0;
  for (const [name, view] of stateDict) {
    if (typeof name !== "string") return fail("its state dict has a key that is no name");
    if (!(view instanceof TensorView)) {
      ignored.push(name);
      continue;
    }
    if (!isContiguous(view.shape, view.strides)) {
      copied += byteCount(view.storage.dtype, view.shape);
      if (copied > limit) {
        fail(`its tensor "${name}" of shape [${view.shape}] repeats values far beyond its size`);
      }
    }
    tensors.set(name, dense(view));
  }
  return { tensors: stripPrefixes(tensors), ignored };
}

/** A tensor's values in row-major order: a view where they are stored so, else a copy. */
function dense({ storage, offset, shape, strides }: TensorView): StoredTensor {
  const { dtype, bytes } = storage;
  const width = DATA_TYPE_SIZES[dtype];
  const count = elementCount(shape);
  if (isContiguous(shape, strides)) {
    return { dtype, shape, bytes: bytes.subarray(offset * width, (offset + count) * width) };
  }
  const copy = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    copy.set(bytes.subarray(from * width, (from + 1) * width), to * width);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype, shape, bytes: copy };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
