/**
 * Splits text into the words inside which byte-level BPE merges: GPT-2's rule, as Hugging Face's
 * `ByteLevel` pre-tokenizer applies it.
 */

/**
 * English contractions; runs of letters, of digits or of other signs, each with the one space
 * before it; white space, whose last space is left to the next word. `\p{White_Space}` rather than
 * `\s`, which in JavaScript has U+FEFF and lacks U+0085.
 */
const WORD =
  /'(?:[stmd]|re|ve|ll)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * The words of `text`, which joined give it back.
 *
 * @param addPrefixSpace puts a space before a text that has none, so that its first word is the
 * same token there as in the middle of a sentence
 */
export function splitWords(text: string, addPrefixSpace: boolean): string[] {
  if (text === "") return [];
  return (addPrefixSpace && !text.startsWith(" ") ? ` ${text}` : text).match(WORD) ?? [];
}
