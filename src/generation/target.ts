/** Generated ids as text. */
import type { TextConfig } from "../denoiser/config.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** The slots that carry a sentence: those before the first end token. */
export function sentenceLength(ids: ArrayLike<number>, text: TextConfig): number {
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === text.eos_id || ids[i] === -1) return i;
  }
  return ids.length;
}

/** The sentence in a row of slots; special tokens are left out, line breaks become spaces. */
export function decodeTarget(ids: Int32Array, tokenizer: Tokenizer, text: TextConfig): string {
  const sentence = ids.subarray(0, sentenceLength(ids, text));
  return tokenizer.decode(sentence).replace(/[\r\n]+/g, " ").trim();
}
