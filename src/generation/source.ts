/** A line of text as the network takes it. */
import { slotsFor, type TextConfig } from "../denoiser/config.ts";
import type { SourceBatch } from "../native/generation.ts";
import { frameSource } from "../text/frame.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** A tokenised source. */
export interface Source {
  /** Ids, special tokens included; at most `max_source_tokens`. */
  readonly ids: readonly number[];
  /** Whether ids had to be left out. */
  readonly truncated: boolean;
  /** Target slots N, which depend on nothing but the source. */
  readonly slots: number;
}

/** Frames the ids of a line as in training: start token if the model has one, ids, end token. */
export function encodeSource(line: string, tokenizer: Tokenizer, text: TextConfig): Source {
  const frame = { bos: text.bos_id, eos: text.eos_id };
  const { ids, length } = frameSource(tokenizer.encode(line), frame, text.max_source_tokens);
  return { ids, truncated: length > text.max_source_tokens, slots: slotsFor(text, ids.length) };
}

/** Sources as a padded matrix. */
export function padSources(sources: readonly Source[], padId: number): SourceBatch {
  const length = Math.max(...sources.map(({ ids }) => ids.length));
  const ids = new Int32Array(sources.length * length).fill(padId);
  const mask = new Uint8Array(sources.length * length);
  sources.forEach((source, row) => {
    ids.set(source.ids, row * length);
    mask.fill(1, row * length, row * length + source.ids.length);
  });
  return { ids, mask, sources: sources.length, length };
}
