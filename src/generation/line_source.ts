/** Where input lines come from: a file, standard input, or a shard of either. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type Line, readLines } from "../text/lines.ts";
import { countLines, linesWithin, type Shard, shardRange } from "./shard.ts";

/** What is opened. */
export interface LineSourceOptions {
  /** Input file; undefined for standard input. */
  readonly path: string | undefined;
  readonly stdin: () => ReadableStream<Uint8Array>;
  /** The part that is wanted, undefined for everything. */
  readonly shard: Shard | undefined;
  /** Whether to count the lines where that does not take reading the input to its end first. */
  readonly count: boolean;
}

/** Lines, and how many of them there are where that is known. */
interface LineSource {
  readonly lines: AsyncIterable<Line>;
  readonly total: number | undefined;
}

/**
 * Opens an input. A shard's lines depend on the number of all lines: a file is read twice; anything
 * that can be read only once is kept in a temporary file until its end is known.
 *
 * @throws {UserError} where the input cannot be read, at once or on the way
 */
export async function openLines(options: LineSourceOptions): Promise<LineSource> {
  const { path, stdin, shard, count } = options;
  const name = path === undefined ? "standard input" : `input "${path}"`;
  return await readable(name, async () => {
    const isFile = path !== undefined && (await Deno.stat(path)).isFile;
    const open = async () => path === undefined ? stdin() : (await Deno.open(path)).readable;
    if (shard === undefined) {
      const total = count && isFile ? await countLines(await open()) : undefined;
      return { lines: linesOf(await open(), name), total };
    }
    const { stream, total: all } = isFile
      ? { total: await countLines(await open()), stream: await open() }
      : await keep(await open());
    const range = shardRange(shard, all);
    return { lines: linesWithin(linesOf(stream, name), range), total: range.end - range.first };
  });
}

async function* linesOf(stream: ReadableStream<Uint8Array>, name: string): AsyncGenerator<Line> {
  const lines = readLines(stream);
  try {
    for (;;) {
      const { value: line, done } = await readable(name, () => lines.next());
      if (done) return;
      yield line;
    }
  } finally {
    await lines.return();
  }
}

async function readable<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(ExitCode.data, `Cannot read ${name}: ${flawOf(cause)}`, { cause });
  }
}

function flawOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file";
  if (cause instanceof Deno.errors.NotCapable) {
    // Deno opens no device but a few, whatever is permitted; a shell does.
    return "it is a device, or not permitted; let the shell open it with <";
  }
  return messageOf(cause);
}

/** Reads a stream to its end into a temporary file; that file from its beginning, and its lines. */
async function keep(
  stream: ReadableStream<Uint8Array>,
): Promise<{ stream: ReadableStream<Uint8Array>; total: number }> {
  const path = await Deno.makeTempFile({ prefix: "ardiff-" });
  const file = await Deno.open(path, { read: true, write: true });
  // An open file outlives its name: nothing is left behind however the program ends.
  await Deno.remove(path);
  const total = await countLines(copying(stream, file));
  await file.seek(0, Deno.SeekMode.Start);
  return { stream: file.readable, total };
}

async function* copying(
  stream: ReadableStream<Uint8Array>,
  file: Deno.FsFile,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    yield chunk;
  }
}
