/** Scores candidates by how probable their source is under a model that goes from targets to sources. */
import type { ScoredCandidate } from "./choose.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Candidate } from "./sample.ts";
import { scoreTargets, targetOf } from "./score_targets.ts";
import { encodeSource } from "./source.ts";

/**
 * The candidates of lines with the mean log-probability of their line's tokens, its end included.
 *
 * @param signal ends the run between two network calls: its reason is thrown
 */
export async function scoreBackwards(
  reverse: LoadedModel,
  lines: readonly string[],
  candidates: readonly (readonly Candidate[])[],
  { batchSize, maxRows }: { readonly batchSize: number; readonly maxRows: number },
  signal: AbortSignal,
): Promise<ScoredCandidate[][]> {
  const { tokenizer, config: { text } } = reverse;
  const pairs = lines.flatMap((line, i) => {
    const target = targetOf(tokenizer.encode(line), text);
    return candidates[i]!.map((candidate) => ({
      source: encodeSource(candidate.text, tokenizer, text),
      target,
    }));
  });
  const most = Math.max(...candidates.map(({ length }) => length));
  const scores = await scoreTargets(reverse, pairs, Math.min(batchSize * most, maxRows), signal);
  const means = scores.map((values) =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  );
  return candidates.map((list) =>
    list.map((candidate) => ({ ...candidate, reverseLogProbability: means.shift()! }))
  );
}
