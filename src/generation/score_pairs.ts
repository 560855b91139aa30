/** A stream of pairs of source and target to the log-probabilities of the targets, in order. */
import type { LoadedModel } from "./loaded_model.ts";
import { mapBatches } from "./map_batches.ts";
import { expectScores, scoreTargets, targetOf } from "./score_targets.ts";
import { encodeSource } from "./source.ts";

/** A text and what it was made of. */
export interface TextPair {
  /** What it was made of. */
  readonly source: string;
  /** The text. */
  readonly target: string;
}

/** A token of a target. */
export interface TokenScore {
  /** As a person reads it, its space included; the last is the end token. */
  readonly text: string;
  /** Its log-probability, given the source and the tokens before it. */
  readonly logProbability: number;
}

/** How probable a target is. */
export interface PairScore extends TextPair {
  /** Its tokens, those of the tokenizer for its text; the end token is the last, unless it was cut. */
  readonly tokens: readonly TokenScore[];
  /** log p(target | source): the sum over the tokens. */
  readonly sum: number;
  /** That by the number of tokens: what generation calls a candidate's log-probability. */
  readonly logProbability: number;
  /** exp of minus that. */
  readonly perplexity: number;
  /** Whether source or target was over the model's limit, and cut to that. */
  readonly truncated: boolean;
}

/** How pairs are scored. */
export interface ScorePairsOptions {
  /** Pairs in a network call, at most. Default 32. */
  readonly batchSize?: number;
  /** Milliseconds that a pair waits for others to fill its batch. Default 100. */
  readonly maxWait?: number;
}

/**
 * Scores each pair.
 *
 * @param signal ends the run: finished scores still come, then its reason is thrown
 * @throws {UserError} for a model that gives no probabilities of whole texts
 */
export async function* scorePairs(
  model: LoadedModel,
  pairs: Iterable<TextPair> | AsyncIterable<TextPair>,
  { batchSize = 32, maxWait = 100 }: ScorePairsOptions,
  signal?: AbortSignal,
): AsyncGenerator<PairScore, void, undefined> {
  expectScores(model, "score");
  yield* mapBatches(
    streamOf(pairs),
    (batch, stopping) => scoreBatch(model, batch, batchSize, stopping),
    { batchSize, window: 8 * batchSize, maxWait, keyOf: () => 0, ...(signal && { signal }) },
  );
}

async function* streamOf(
  pairs: Iterable<TextPair> | AsyncIterable<TextPair>,
): AsyncGenerator<TextPair, void, undefined> {
  yield* pairs;
}

async function scoreBatch(
  model: LoadedModel,
  batch: readonly TextPair[],
  rowsAtOnce: number,
  signal: AbortSignal,
): Promise<PairScore[]> {
  const { tokenizer, config: { text } } = model;
  const encoded = batch.map(({ source, target }) => {
    const ids = tokenizer.encode(target);
    return {
      source: encodeSource(source, tokenizer, text),
      target: targetOf(ids, text),
      cut: ids.length > text.target_slots,
    };
  });
  const scores = await scoreTargets(model, encoded, rowsAtOnce, signal);
  return batch.map(({ source, target }, i) => {
    const { target: ids, source: { truncated }, cut } = encoded[i]!;
    const tokens = ids.map((id, slot) => ({
      text: tokenizer.tokenText(id),
      logProbability: scores[i]![slot]!,
    }));
    const sum = tokens.reduce((sum, { logProbability }) => sum + logProbability, 0);
    return {
      source,
      target,
      tokens,
      sum,
      logProbability: sum / tokens.length,
      perplexity: Math.exp(-sum / tokens.length),
      truncated: truncated || cut,
    };
  });
}
