/** Byte streams and files in memory, for tests of readers. */

import type { OpenFile } from "../../src/text/data_lines.ts";

const encoder = new TextEncoder();

/** Bytes, or text to be written as UTF-8. */
export type Content = string | readonly number[];

/** A stream of the given chunks. */
export function streamOf(...chunks: readonly Content[]): ReadableStream<Uint8Array> {
  const bytes = chunks.map((chunk) =>
    typeof chunk === "string" ? encoder.encode(chunk) : Uint8Array.from(chunk)
  );
  return ReadableStream.from(bytes);
}

/** Opens files that exist only here. */
export function filesOf(files: Readonly<Record<string, Content>>): OpenFile {
  return (path) => {
    const content = files[path];
    if (content === undefined) return Promise.reject(new Deno.errors.NotFound(path));
    return Promise.resolve(streamOf(content));
  };
}
