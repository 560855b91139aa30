/** Held-out text, read once: lines to generate from, and pairs to take the loss over. */
import type { ModelConfig } from "../denoiser/config.ts";
import type { DataSpec } from "../text/data_spec.ts";
import { type Example, readReferences } from "../text/records.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { slotsOfPairs } from "./slots.ts";
import type { TokenPair } from "./token_cache.ts";

/** Pairs of the same number of target slots. */
export interface PairGroup {
  readonly slots: number;
  readonly pairs: readonly TokenPair[];
}

/** A held-out set. */
export interface ValidationSet {
  /** Lines to generate from, with all their references. */
  readonly examples: readonly Example[];
  readonly groups: readonly PairGroup[];
}

/**
 * Reads a development set, of which evenly spaced lines and pairs are taken.
 *
 * @throws {UserError} where it cannot be read
 */
export async function readValidationSet(
  spec: DataSpec,
  tokenizer: Tokenizer,
  { text }: ModelConfig,
  counts: { readonly lines: number; readonly loss_lines: number },
): Promise<ValidationSet> {
  const all = await Array.fromAsync(readReferences(spec));
  const pairs = all.flatMap(({ source, references }) =>
    references.map((target) => ({ source, target }))
  );
  const frame = text.bos_id === null ? [] : [text.bos_id];
  const tokenised = spaced(pairs, counts.loss_lines).map(({ source, target }) => ({
    source: Uint32Array.from([
      ...frame,
      ...tokenizer.encode(source).slice(0, text.max_source_tokens - frame.length - 1),
      text.eos_id,
    ]),
    target: Uint32Array.from([
      ...tokenizer.encode(target).slice(0, text.target_slots - 1),
      text.eos_id,
    ]),
  }));
  const slots = slotsOfPairs({
    sourceLengths: tokenised.map(({ source }) => source.length),
    targetLengths: tokenised.map(({ target }) => target.length),
  }, text);
  const bySlots = Map.groupBy(tokenised.keys(), (index) => slots[index]!);
  return {
    examples: spaced(all, counts.lines),
    groups: Array.from(bySlots, ([slots, indices]) => ({
      slots,
      pairs: indices.map((index) => tokenised[index]!),
    })),
  };
}

/** At most `count` values at equal distances. */
function spaced<T>(values: readonly T[], count: number): T[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, i) => values[Math.floor(i * values.length / count)]!);
}
