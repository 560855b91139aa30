/** Reads two aligned text files. */

import { ExitCode, UserError } from "../errors.ts";
import { type OpenFile, readDataLines } from "./data_lines.ts";
import type { Example, TextSpec } from "./data_spec.ts";

/**
 * Pairs line n of one file with line n of the other.
 *
 * @throws {UserError} where one file has more lines, after the last pair
 */
export async function* readAlignedFiles(
  { sourceFile, targetFile }: TextSpec,
  open: OpenFile,
): AsyncGenerator<Example, void, undefined> {
  await using sources = readDataLines(sourceFile, open);
  await using targets = readDataLines(targetFile, open);
  for (let pairs = 0;; pairs++) {
    const [source, target] = [await sources.next(), await targets.next()];
    if (source.done && target.done) return;
    if (source.done || target.done) {
      const lines = [
        pairs + (source.done ? 0 : 1 + await countRest(sources)),
        pairs + (target.done ? 0 : 1 + await countRest(targets)),
      ];
      throw new UserError(
        ExitCode.data,
        `Cannot align "${sourceFile}" with "${targetFile}": ${lines[0]} lines against ${lines[1]}`,
      );
    }
    const { text, number } = source.value;
    yield { source: text, references: [target.value.text], line: number };
  }
}

async function countRest(lines: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of lines) count++;
  return count;
}
