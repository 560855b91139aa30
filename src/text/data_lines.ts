/**
 * Lines of a data file. Unlike a line that a user wants a translation of, a damaged line of a data
 * set stops the reading: silence would change what is trained or measured.
 */

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type Line, readLines } from "./lines.ts";

/** Opens a file for reading; the default is the file system. */
export type OpenFile = (path: string) => Promise<ReadableStream<Uint8Array>>;

/** Opens a file of the file system; "-" and its device are standard input. */
export async function openFile(path: string): Promise<ReadableStream<Uint8Array>> {
  if (path !== "-" && path !== "/dev/stdin") return (await Deno.open(path)).readable;
  if (standardInputWasOpened) throw new Error("standard input can be read only once");
  standardInputWasOpened = true;
  return Deno.stdin.readable;
}

let standardInputWasOpened = false;

/** What to say of a line whose bytes are no UTF-8 text but another encoding's; undefined of others. */
export function otherEncoding(
  { number, text, invalid }: Pick<Line, "number" | "text" | "invalid">,
): string | undefined {
  // The byte order marks of UTF-16 are two bytes that UTF-8 never has; more are damage.
  const marked = number === 1 && invalid && /^\ufffd\ufffd(?!\ufffd)/.test(text);
  if (!marked && !text.includes("\0")) return undefined;
  return "it has NUL bytes or the mark of UTF-16, where UTF-8 text is expected: convert it with " +
    "iconv -f UTF-16 -t UTF-8";
}

/** Bytes a line of a data file may have: a long document on one line, but no binary file. */
export const MAX_DATA_LINE_BYTES = 2 ** 24;

/** The error for a data file, or a line of it, that cannot be used. */
export function dataError(path: string, line: number | undefined, flaw: string): UserError {
  const place = line === undefined ? "" : `, line ${line}`;
  return new UserError(ExitCode.data, `Cannot read "${path}"${place}: ${flaw}`);
}

/**
 * The lines of a data file, all of them valid.
 *
 * @throws {UserError} where the file cannot be read, and at the first line that is not UTF-8 or too
 * long
 */
export async function* readDataLines(
  path: string,
  open: OpenFile,
): AsyncGenerator<Line, void, undefined> {
  const lines = readLines(await attempt(path, open(path)), { maxBytes: MAX_DATA_LINE_BYTES });
  try {
    for (;;) {
      const { value: line, done } = await attempt(path, lines.next());
      if (done) return;
      const encoding = otherEncoding(line);
      if (encoding !== undefined) throw dataError(path, line.number, encoding);
      if (line.invalid) throw dataError(path, line.number, "the bytes are not UTF-8");
      if (line.truncated) {
        throw dataError(path, line.number, `it has more than ${MAX_DATA_LINE_BYTES} bytes`);
      }
      yield line;
    }
  } finally {
    await lines.return();
  }
}

/** Turns a failure of the file system into an error that names the file. */
async function attempt<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw dataError(path, undefined, missing ? "there is no such file" : messageOf(error));
  }
}

/**
 * A field on one line, since every example is a line of text: a line break, with the blanks around
 * it, becomes a space.
 */
export function onOneLine(field: string): string {
  return field.replace(/[ \t]*[\r\n]+[ \t]*/g, " ");
}
