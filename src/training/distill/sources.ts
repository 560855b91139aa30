/** Where the candidates of distillation come from: a model that is asked, or a file that is read. */
import type { GenerateOptions } from "../../generation/generate.ts";
import type { Model } from "../../generation/mod.ts";
import { ExitCode, UserError } from "../../errors.ts";
import { onOneLine } from "../../text/data_lines.ts";
import type { CandidateSource, NumberedPair } from "./distill.ts";
import { readOutputs } from "./outputs.ts";

/**
 * Candidates of a model; a source that stands in a block several times is asked for once.
 *
 * @param sourceWords whether each text is to have the words of its source, in some inflection
 */
export function candidatesOfModel(
  model: Model,
  { sourceWords, ...options }: Partial<GenerateOptions> & { readonly sourceWords: boolean },
  signal: AbortSignal,
): CandidateSource {
  return {
    async candidates(block) {
      const sources = [...new Set(block.map(({ source }) => onOneLine(source)))];
      const found = new Map<string, readonly string[]>();
      const inputs = sources.map((source) => sourceWords ? { source, words: [source] } : source);
      for await (const result of model.generate(inputs, options, signal)) {
        found.set(result.source, result.candidates.map(({ text }) => text));
      }
      return block.map(({ source }) => found.get(onOneLine(source))!);
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
