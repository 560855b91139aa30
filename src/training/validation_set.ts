/** Held-out text: lines to generate from, and pairs to take the loss over. */
import type { ModelConfig } from "../denoiser/config.ts";
import type { DataSpec } from "../text/data_spec.ts";
import type { Example } from "../text/data_spec.ts";
import { frameSource, frameTarget } from "../text/frame.ts";
import { readReferences } from "../text/records.ts";
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
 * Reads a development set, of which evenly spaced lines and pairs are taken: twice, since only those
 * are held in memory.
 *
 * @throws {UserError} where it cannot be read
 */
export async function readValidationSet(
  spec: DataSpec,
  tokenizer: Tokenizer,
  { text }: ModelConfig,
  counts: { readonly lines: number; readonly loss_lines: number },
): Promise<ValidationSet> {
  const size = { examples: 0, pairs: 0 };
  for await (const { references } of readReferences(spec)) {
    size.examples++;
    size.pairs += references.length;
  }
  const [chosenExamples, chosenPairs] = [
    spacedPlaces(size.examples, counts.lines),
    spacedPlaces(size.pairs, counts.loss_lines),
  ];
  const examples: Example[] = [];
  const pairs: { source: string; target: string }[] = [];
  let [example, pair] = [0, 0];
  for await (const found of readReferences(spec)) {
    if (chosenExamples.has(example++)) examples.push(found);
    for (const target of found.references) {
      if (chosenPairs.has(pair++)) pairs.push({ source: found.source, target });
    }
  }
  const frame = { bos: text.bos_id, eos: text.eos_id };
  const tokenised = pairs.map(({ source, target }) => ({
    source: Uint32Array.from(
      frameSource(tokenizer.encode(source), frame, text.max_source_tokens).ids,
    ),
    target: Uint32Array.from(
      frameTarget(tokenizer.encode(target), text.eos_id, text.target_slots).ids,
    ),
  }));
  const slots = slotsOfPairs({
    sourceLengths: tokenised.map(({ source }) => source.length),
    targetLengths: tokenised.map(({ target }) => target.length),
  }, text);
  const bySlots = Map.groupBy(tokenised.keys(), (index) => slots[index]!);
  return {
    examples,
    groups: Array.from(bySlots, ([slots, indices]) => ({
      slots,
      pairs: indices.map((index) => tokenised[index]!),
    })),
  };
}

/** At most `count` places in a list, at equal distances. */
function spacedPlaces(size: number, count: number): ReadonlySet<number> {
  const taken = Math.min(size, count);
  return new Set(Array.from({ length: taken }, (_, i) => Math.floor(i * size / taken)));
}
