/**
 * Reads lines of UTF-8 text from a stream of bytes, each as soon as it has arrived whole, in memory
 * that does not grow with the stream or with the length of a line.
 */

/** A line without its end. */
export interface Line {
  /** 1 for the first line. */
  readonly number: number;
  /** The line as text, without a byte order mark at the start of the stream. */
  readonly text: string;
  /** The bytes were not UTF-8; `text` has U+FFFD where they were not. */
  readonly invalid: boolean;
  /** The line was over the limit; `text` is its beginning. */
  readonly truncated: boolean;
}

/** Settings of {@linkcode readLines}. */
export interface LineOptions {
  /** Bytes kept of a line; what is over is skipped. Default 1 MiB. */
  readonly maxBytes?: number;
}

/** Default of {@linkcode LineOptions.maxBytes}. */
const MAX_LINE_BYTES = 2 ** 20;

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = "\uFEFF";

const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The lines of a stream. A line ends with LF or CRLF; the last may end with the stream. A byte order
 * mark before the first line is dropped.
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  { maxBytes = MAX_LINE_BYTES }: LineOptions = {},
): AsyncGenerator<Line, void, undefined> {
  let number = 0;
  const makeLine = ({ text, invalid, truncated }: DecodedLine): Line => {
    number++;
    const marked = number === 1 && text.startsWith(BYTE_ORDER_MARK);
    return { number, text: marked ? text.slice(1) : text, invalid, truncated };
  };
  const begun = new BegunLine(maxBytes);
  for await (const chunk of stream) {
    const firstEnd = chunk.indexOf(LINE_FEED);
    if (firstEnd < 0) {
      begun.append(chunk);
      continue;
    }
    begun.append(chunk.subarray(0, firstEnd));
    yield makeLine(begun.finish());
    const lastEnd = chunk.lastIndexOf(LINE_FEED);
    if (lastEnd > firstEnd) {
      for (const line of decodeBlock(chunk.subarray(firstEnd + 1, lastEnd), maxBytes)) {
        yield makeLine(line);
      }
    }
    begun.append(chunk.subarray(lastEnd + 1));
  }
  if (!begun.isEmpty) yield makeLine(begun.finish());
}

type DecodedLine = Omit<Line, "number">;

/** A line whose end has not arrived yet. */
class BegunLine {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  append(part: Uint8Array): void {
    // One byte over the limit is kept: it tells that the line is too long, and whether the limit
    // falls between two characters.
    const room = this.#maxBytes + 1 - this.#length;
    if (part.length === 0 || room === 0) return;
    const kept = part.slice(0, room);
    this.#parts.push(kept);
    this.#length += kept.length;
  }

  /** The line so far; begins the next. */
  finish(): DecodedLine {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : concatenate(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return decodeLine(bytes, this.#maxBytes);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Decodes lines that lie whole between `block`'s ends: in one call unless something is wrong. */
function* decodeBlock(block: Uint8Array, maxBytes: number): Iterable<DecodedLine> {
  const text = block.length <= maxBytes ? tryDecode(block) : undefined;
  if (text !== undefined) {
    for (const line of text.split("\n")) {
      yield { text: withoutReturn(line), invalid: false, truncated: false };
    }
    return;
  }
  for (let start = 0; start <= block.length;) {
    const found = block.indexOf(LINE_FEED, start);
    const end = found < 0 ? block.length : found;
    yield decodeLine(block.subarray(start, end), maxBytes);
    start = end + 1;
  }
}

function decodeLine(bytes: Uint8Array, maxBytes: number): DecodedLine {
  const truncated = bytes.length > maxBytes;
  const kept = truncated ? bytes.subarray(0, characterBoundary(bytes, maxBytes)) : bytes;
  const valid = tryDecode(kept);
  const text = valid ?? lenientDecoder.decode(kept);
  return { text: truncated ? text : withoutReturn(text), invalid: valid === undefined, truncated };
}

/** The last place up to `limit` where a UTF-8 character begins; `limit` where there is none near. */
function characterBoundary(bytes: Uint8Array, limit: number): number {
  for (let place = limit; place > limit - 4 && place >= 0; place--) {
    if ((bytes[place]! & 0xc0) !== 0x80) return place;
  }
  return limit;
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
