/** What the rest of ardiff knows of a tokenizer: text to ids and back, whatever the file's kind. */
import type { SpecialTokens } from "./special_tokens.ts";

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
