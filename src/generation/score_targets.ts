/**
 * Log-probabilities of given targets in the shifted layout, by teacher forcing: all slots of a target
 * stand as settled ones in a single network call, and each says how likely the token after it is.
 */
import { startOf, type TextConfig } from "../denoiser/config.ts";
import { ExitCode, UserError } from "../errors.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { padSources, type Source } from "./source.ts";

/** A source and the ids of a text that it may have led to. */
interface SourceAndTarget {
  readonly source: Source;
  /** At least one, of which none but the last is an end token. */
  readonly target: readonly number[];
}

/** A text as a target: its ids and the end token, or as many ids as a model's targets have at most. */
export function targetOf(ids: readonly number[], { eos_id, target_slots }: TextConfig): number[] {
  return ids.length < target_slots ? [...ids, eos_id] : ids.slice(0, target_slots);
}

/** @throws {UserError} for a model that gives no probabilities of whole texts */
export function expectScores({ config }: LoadedModel, purpose: string): void {
  if (config.network.shifted) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot ${purpose}: the slots of this model settle over many network calls, each from noise, so ` +
      'that no pass gives the probability of a text; take a model with "network.shifted"',
  );
}

/**
 * The log-probability of every token of every target, given its source and the tokens before it.
 *
 * @param rowsAtOnce rows in a network call, at most
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function scoreTargets(
  model: LoadedModel,
  pairs: readonly SourceAndTarget[],
  rowsAtOnce: number,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  if (pairs.length === 0) return [];
  const { text } = model.config;
  using decoding = await model.denoiser.decode(
    padSources(pairs.map(({ source }) => source), text.pad_id),
    {
      sourceOfRow: Int32Array.from(pairs.keys()),
      positions: text.target_slots,
      portable: false,
    },
  );
  const scores: Float32Array[] = [];
  for (let first = 0; first < pairs.length; first += rowsAtOnce) {
    signal?.throwIfAborted();
    const targets = pairs.slice(first, first + rowsAtOnce).map(({ target }) => target);
    const wanted = Int32Array.from(targets.flat());
    const logProbabilities = new Float32Array(wanted.length);
    await decoding.step({
      rows: Int32Array.from(targets, (_, row) => first + row),
      streamCounts: Int32Array.from(targets, ({ length }) => length),
      streamIds: Int32Array.from(targets.flatMap((ids) => [startOf(text), ...ids.slice(0, -1)])),
      width: 0,
      blocks: new Uint8Array(wanted.length),
      top: 1,
      ids: new Int32Array(wanted.length),
      wanted: { ids: wanted, logProbabilities },
    });
    let start = 0;
    for (const { length } of targets) {
      scores.push(logProbabilities.subarray(start, start + length));
      start += length;
    }
  }
  return scores;
}
