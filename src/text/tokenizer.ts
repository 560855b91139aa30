/**
 * What the rest of ardiff knows of a tokenizer: text to ids and back, whatever the file's kind.
 * Byte-level BPE of the form that `ardiff tokenizer train` writes goes through our own encoder;
 * WordPiece, Unigram and every other form through Hugging Face's JavaScript library, which is
 * loaded only then.
 */

import { ByteLevelBpe, byteLevelForm } from "./bpe.ts";
import { findSpecialTokens, type SpecialTokens } from "./special_tokens.ts";
import { parseTokenizerFile } from "./tokenizer_file.ts";

/** Text to token ids and back. */
export interface Tokenizer {
  /** Which encoder does the work: ours, or Hugging Face's library. */
  readonly kind: "bpe" | "huggingface";
  /** Number of ids, added tokens included: ids are 0 to vocabSize - 1. */
  readonly vocabSize: number;
  /** Ids that frame a sequence. */
  readonly special: SpecialTokens;
  /** Token ids of `text`, without the special tokens that frame a sequence. */
  encode(text: string): number[];
  /** Text of `ids`, joined as the file's decoder says; special and unknown ids are left out. */
  decode(ids: Iterable<number>): string;
  /** One token as a person reads it, for traces. */
  tokenText(id: number): string;
  /** The tokenizer.json it was made from. */
  toJson(): string;
}

/**
 * Makes a tokenizer from a Hugging Face tokenizer.json.
 *
 * @param json content of the file
 * @param source path of the file, for messages
 * @throws {UserError} where the file is damaged or lacks a padding or end token
 */
export async function parseTokenizer(json: string, source: string): Promise<Tokenizer> {
  const file = parseTokenizerFile(json, source);
  const special = findSpecialTokens(file);
  const form = byteLevelForm(file);
  if (form) return new ByteLevelBpe(file, special, form);
  const { loadForeignTokenizer } = await import("./foreign_tokenizer.ts");
  return await loadForeignTokenizer(file, special);
}
