import { crc32 } from "node:zlib";

/** How an archive is written. */
export interface ZipOptions {
  /** Write sizes, offsets and directory as Zip64 does for large archives. */
  readonly zip64?: boolean;
  /** The compression method that the headers claim; data is stored as it is. */
  readonly method?: number;
  readonly flags?: number;
  readonly comment?: string;
}

/** An archive of stored entries with right checksums. */
export function writeZip(
  entries: ReadonlyMap<string, Uint8Array>,
  { zip64 = false, method = 0, flags = 0, comment = "" }: ZipOptions = {},
): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const put = (width: number, ...values: number[]) => {
    for (const value of values) {
      for (let i = 0; i < width; i++) bytes.push(Math.floor(value / 256 ** i) % 256);
    }
  };
  const text = (value: string) => bytes.push(...new TextEncoder().encode(value));
  const sizeOf = (data: Uint8Array) => zip64 ? 0xffffffff : data.length;
  const offsets: number[] = [];
  for (const [name, data] of entries) {
    offsets.push(bytes.length);
    put(4, 0x04034b50);
    put(2, 20, flags, method, 0, 0);
    put(4, crc32(data), sizeOf(data), sizeOf(data));
    put(2, name.length, 3);
    text(`${name}pad`);
    bytes.push(...data);
  }
  const directory = bytes.length;
  [...entries].forEach(([name, data], index) => {
    put(4, 0x02014b50);
    put(2, 45, 45, flags, method, 0, 0);
    put(4, crc32(data), sizeOf(data), sizeOf(data));
    put(2, name.length, zip64 ? 6 + 28 : 0, 0, 0, 0);
    put(4, 0, zip64 ? 0xffffffff : offsets[index]!);
    text(name);
    if (zip64) {
      put(2, 0x7777, 2, 0, 0x0001, 24);
      put(8, data.length, data.length, offsets[index]!);
    }
  });
  const directorySize = bytes.length - directory;
  if (zip64) {
    const record = bytes.length;
    put(4, 0x06064b50);
    put(8, 44);
    put(2, 45, 45);
    put(4, 0, 0);
    put(8, entries.size, entries.size, directorySize, directory);
    put(4, 0x07064b50, 0);
    put(8, record);
    put(4, 1);
  }
  const count = zip64 ? 0xffff : entries.size;
  put(4, 0x06054b50);
  put(2, 0, 0, count, count);
  put(4, directorySize, zip64 ? 0xffffffff : directory);
  put(2, comment.length);
  text(comment);
  return Uint8Array.from(bytes);
}
