import { assertEquals, assertThrows } from "@std/assert";
import { looksLikeZip, readZip } from "../../src/denoiser/zip.ts";
import { writeZip, type ZipOptions } from "./zip_writer.ts";

const fail = (problem: string): never => {
  throw new Error(problem);
};
const data = Uint8Array.of(3, 1, 4, 1, 5);
const zip = (options?: ZipOptions) => writeZip(new Map([["a", data]]), options);

Deno.test("readZip() reads stored entries, with and without Zip64 and a comment", () => {
  for (const options of [{}, { zip64: true }, { comment: "made by hand" }]) {
    const entries = new Map([["folder/data", data], ["empty", new Uint8Array()]]);
    const archive = writeZip(entries, options);
    assertEquals(looksLikeZip(archive), true);
    assertEquals(readZip(archive, fail), entries);
  }
});

Deno.test("readZip() refuses what it does not read", () => {
  assertThrows(() => readZip(zip({ method: 8 }), fail), Error, '"a" is compressed');
  assertThrows(() => readZip(zip({ flags: 1 }), fail), Error, '"a" is encrypted');
  assertThrows(() => readZip(Uint8Array.of(1, 2), fail), Error, "may be truncated");
  assertThrows(() => readZip(zip().slice(0, -1), fail), Error, "may be truncated");
});

Deno.test("readZip() refuses entries that share their bytes, before it checks them", () => {
  const archive = writeZip(new Map([["a", new Uint8Array(5000)]]));
  const directory = archive.length - 22 - 47;
  const record = archive.slice(directory, directory + 47);
  const end = archive.slice(-22);
  // The same bytes a thousand times, under names of their own.
  const copies = 1000;
  const entries = Array.from({ length: copies }, (_, i) => {
    const copy = record.slice();
    copy[46] = 97 + i % 26;
    return copy;
  });
  const view = new DataView(end.buffer);
  for (const at of [8, 10]) view.setUint16(at, copies, true);
  view.setUint32(12, copies * 47, true);
  const parts = [archive.slice(0, directory), ...entries, end];
  const bomb = Uint8Array.from(parts.flatMap((part) => [...part]));
  assertThrows(() => readZip(bomb, fail), Error, "claim more bytes than it has");
});

Deno.test("readZip() notices damaged data", () => {
  const archive = zip();
  archive[archive.indexOf(3, 33)] = 9;
  assertThrows(() => readZip(archive, fail), Error, "checksum");
});
