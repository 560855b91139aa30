/** Where the candidates of distillation come from: a model that is asked, or a file that is read. */
import type { GenerateOptions } from "../../generation/generate.ts";
import type { Model } from "../../generation/mod.ts";
import { ExitCode, UserError } from "../../errors.ts";
import { onOneLine } from "../../text/data_lines.ts";
import type { CandidateSource, NumberedPair } from "./distill.ts";
import { readOutputs } from "./outputs.ts";

/** Sources whose candidates are remembered, as data may have them again. */
const REMEMBERED = 20_000;

/**
 * Candidates of a model; a source that comes again soon is asked for once.
 */
export function candidatesOfModel(
  model: Model,
  options: Partial<GenerateOptions>,
  signal: AbortSignal,
): CandidateSource {
  const known = new Map<string, readonly string[]>();
  return {
    async candidates(block) {
      const sources = block.map(({ source }) => onOneLine(source));
      const inputs = [...new Set(sources)].filter((source) => !known.has(source));
      for await (const { source, candidates } of model.generate(inputs, options, signal)) {
        known.set(source, candidates.map(({ text }) => text));
      }
      const found = sources.map((source) => known.get(source)!);
      const old = [...known.keys()].slice(0, Math.max(0, known.size - REMEMBERED));
      old.forEach((source) => known.delete(source));
      return found;
    },
  };
}

/**
 * Candidates of a file, which has a list for each pair of the data.
 *
 * @param lines of plain text a pair has
 */
export function candidatesOfFile(path: string, lines: number): CandidateSource {
  const lists = readOutputs(path, lines);
  let next = 0;
  const listOf = async ({ index }: NumberedPair): Promise<readonly string[]> => {
    for (;;) {
      const { value, done } = await lists.next();
      if (done) {
        throw new UserError(
          ExitCode.data,
          `Cannot distil from "${path}": it has outputs of ${next} pairs, and the data have more`,
        );
      }
      if (next++ === index) return value;
    }
  };
  return {
    async candidates(block) {
      const found: (readonly string[])[] = [];
      for (const pair of block) found.push(await listOf(pair));
      return found;
    },
  };
}
