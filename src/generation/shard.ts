/**
 * Shards of an input, for job arrays. A shard is a run of whole lines, so that the outputs of shards
 * 1/n to n/n, one after another (`cat`), are the output of the whole.
 */

/** Shard `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The lines of a shard, as `Line.number` counts them: the first, and the one after the last. */
export function shardRange(
  { index, count }: Shard,
  lines: number,
): { readonly first: number; readonly end: number } {
  const before = (shards: number) => Math.floor(shards * lines / count);
  return { first: before(index - 1) + 1, end: before(index) + 1 };
}

/** The lines of a range; what comes after it is not read. */
export async function* linesWithin<T extends { readonly number: number }>(
  lines: AsyncIterable<T>,
  { first, end }: { readonly first: number; readonly end: number },
): AsyncGenerator<T, void, undefined> {
  if (end <= first) return;
  for await (const line of lines) {
    if (line.number >= first) yield line;
    if (line.number + 1 >= end) return;
  }
}

const LINE_FEED = 0x0a;

/** The number of lines in a stream's bytes, the last of which may lack its line feed. */
export async function countLines(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  let last = LINE_FEED;
  for await (const chunk of stream) {
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) count++;
    last = chunk.at(-1) ?? last;
  }
  return last === LINE_FEED ? count : count + 1;
}
