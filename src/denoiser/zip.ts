/**
 * Reads zip archives as PyTorch writes them: stored entries, Zip64 where they are large. Only what
 * the central directory lists counts; every offset and length is checked.
 */
import { crc32 } from "node:zlib";
import type { Fail } from "../host/fail.ts";

const END_SIGNATURE = 0x06054b50;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const END64_SIGNATURE = 0x06064b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const ZIP64_EXTRA = 0x0001;

const END_BYTES = 22;
const END64_LOCATOR_BYTES = 20;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_COMMENT_BYTES = 0xffff;

/** Whether bytes start like a zip archive. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === LOCAL_SIGNATURE;
}

/**
 * The entries of an archive by name, as views of its bytes.
 *
 * @param fail throws for an archive that is damaged, compressed or encrypted
 */
export function readZip(
  bytes: Uint8Array<ArrayBuffer>,
  fail: Fail,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const view = viewOf(bytes);
  const directory = findDirectory(view, fail);
  const entries = new Map<string, Uint8Array<ArrayBuffer>>();
  let at = directory.offset;
  let total = 0;
  for (let index = 0; index < directory.entries; index++) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      fail(`its directory breaks off after ${index} of ${directory.entries} entries`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const end = at + CENTRAL_BYTES + nameLength + extraLength + view.getUint16(at + 32, true);
    if (end > bytes.length) fail("its directory is truncated");
    const nameStart = at + CENTRAL_BYTES;
    const name = new TextDecoder().decode(bytes.subarray(nameStart, nameStart + nameLength));
    const header = { view, at, name, extra: [nameStart + nameLength, extraLength] as const };
    const { size } = placeOf(header, fail);
    // Entries that share their bytes could make a small file take hours to check.
    total += size;
    if (total > bytes.length) fail("its entries claim more bytes than it has");
    entries.set(name, entryData(bytes, header, fail));
    at = end;
  }
  return entries;
}

/** Where the central directory is; Zip64's record overrides the short one's saturated fields. */
function findDirectory(view: DataView, fail: Fail): { offset: number; entries: number } {
  const earliest = Math.max(view.byteLength - END_BYTES - MAX_COMMENT_BYTES, 0);
  let end = view.byteLength - END_BYTES;
  while (end >= earliest && view.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < earliest) return fail("it has no directory at its end: it may be truncated");
  const locator = end - END64_LOCATOR_BYTES;
  if (locator >= 0 && view.getUint32(locator, true) === END64_LOCATOR_SIGNATURE) {
    const record = safeUint64(view, locator + 8, fail);
    if (record + 56 > view.byteLength || view.getUint32(record, true) !== END64_SIGNATURE) {
      fail("its Zip64 directory is damaged");
    }
    return {
      entries: safeUint64(view, record + 32, fail),
      offset: safeUint64(view, record + 48, fail),
    };
  }
  return { entries: view.getUint16(end + 10, true), offset: view.getUint32(end + 16, true) };
}

interface CentralHeader {
  readonly view: DataView;
  readonly at: number;
  readonly name: string;
  /** Start and length of the extra field. */
  readonly extra: readonly [number, number];
}

/** The bytes of one entry. */
function entryData(
  bytes: Uint8Array<ArrayBuffer>,
  header: CentralHeader,
  fail: Fail,
): Uint8Array<ArrayBuffer> {
  const { view, at, name } = header;
  if (view.getUint16(at + 8, true) & 1) fail(`entry "${name}" is encrypted`);
  const method = view.getUint16(at + 10, true);
  if (method !== 0) {
    fail(`entry "${name}" is compressed (method ${method}), which torch.save never does`);
  }
  const { size, offset } = placeOf(header, fail);
  if (offset + LOCAL_BYTES > bytes.length || view.getUint32(offset, true) !== LOCAL_SIGNATURE) {
    fail(`entry "${name}" is not where the directory says`);
  }
  const start = offset + LOCAL_BYTES +
    view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + size > bytes.length) fail(`entry "${name}" is truncated`);
  const data = bytes.subarray(start, start + size);
  if (crc32(data) !== view.getUint32(at + 16, true)) {
    fail(`entry "${name}" is damaged (its checksum does not match)`);
  }
  return data;
}

/** Size and offset of an entry; values too large for 32 bits stand in the Zip64 extra field. */
function placeOf({ view, at, name, extra }: CentralHeader, fail: Fail) {
  const compressed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const offset = view.getUint32(at + 42, true);
  const saturated = [size, compressed, offset].map((value) => value === 0xffffffff);
  if (!saturated.includes(true)) {
    if (size !== compressed) fail(`entry "${name}" has two sizes, ${compressed} and ${size}`);
    return { size, offset };
  }
  const values = [size, compressed, offset];
  let field = findZip64Extra(view, extra);
  const fieldsEnd = extra[0] + extra[1];
  saturated.forEach((isSaturated, index) => {
    if (!isSaturated) return;
    if (field === undefined || field + 8 > fieldsEnd) {
      return fail(`entry "${name}" lacks its Zip64 sizes`);
    }
    values[index] = safeUint64(view, field, fail);
    field += 8;
  });
  if (values[0] !== values[1]) fail(`entry "${name}" has two sizes, ${values[1]} and ${values[0]}`);
  return { size: values[0]!, offset: values[2]! };
}

/** The start of the Zip64 values in an extra field. */
function findZip64Extra(view: DataView, [start, length]: readonly [number, number]) {
  for (let at = start; at + 4 <= start + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) === ZIP64_EXTRA) return at + 4;
  }
  return undefined;
}

function safeUint64(view: DataView, at: number, fail: Fail): number {
  const value = view.getBigUint64(at, true);
  return value > view.byteLength ? fail(`it claims a place at byte ${value}`) : Number(value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
