/**
 * Trains byte-level BPE: learns merges from counted words and writes a tokenizer.json that Hugging
 * Face's library reads. With the same settings it learns the same merges in the same order as that
 * library's `BpeTrainer`, ties included.
 */

import { ExitCode, UserError } from "../errors.ts";
import { detached } from "./detached.ts";
import {
  type LearnedVocabulary,
  learnMerges,
  MIN_VOCAB_SIZE,
  SPECIAL_TOKENS,
} from "./learn_merges.ts";
import { makeNormalizer, normalizerEntry, type NormalizerName } from "./normalizer.ts";
import { splitWords } from "./pretokenizer.ts";

/** Settings of a training run. */
interface BpeTrainingOptions {
  /** Number of tokens to reach; fewer come out where the text has no more pairs to merge. */
  readonly vocabSize: number;
  /** A pair of tokens seen less often than this is not merged. Default 2. */
  readonly minFrequency?: number;
  /** The first word of a text gets the same token as in the middle of a sentence. Default true. */
  readonly addPrefixSpace?: boolean;
  /** Applied to text in this order before it is split, in training and ever after. Default none. */
  readonly normalizers?: readonly NormalizerName[];
}

/**
 * Trains a tokenizer on lines of text; for a vocabulary shared by source and target, give the lines
 * of both. Reads the lines once, and holds no more than one copy of each distinct word.
 *
 * @returns the tokenizer.json
 * @throws {UserError} where the vocabulary is too small for the bytes, or there is no text
 */
export async function trainBpe(
  lines: AsyncIterable<string> | Iterable<string>,
  { vocabSize, minFrequency = 2, addPrefixSpace = true, normalizers = [] }: BpeTrainingOptions,
): Promise<string> {
  if (!Number.isInteger(vocabSize) || vocabSize < MIN_VOCAB_SIZE) {
    throw new UserError(
      ExitCode.usage,
      `Cannot train a vocabulary of ${vocabSize} tokens: expected at least ${MIN_VOCAB_SIZE}, ` +
        `for 256 bytes and ${SPECIAL_TOKENS.length} special tokens`,
    );
  }
  const normalize = makeNormalizer(normalizers);
  const counts = new Map<string, number>();
  for await (const line of lines) {
    for (const word of splitWords(normalize(line.toWellFormed()), addPrefixSpace)) {
      const count = counts.get(word);
      if (count === undefined) counts.set(detached(word), 1);
      else counts.set(word, count + 1);
    }
  }
  if (counts.size === 0) {
    throw new UserError(ExitCode.data, "Cannot train a tokenizer: the training text is empty");
  }
  const learned = learnMerges(counts, vocabSize, minFrequency);
  return tokenizerJson(learned, addPrefixSpace, normalizers);
}

/** Writes a tokenizer.json with every key that Hugging Face's library writes. */
function tokenizerJson(
  { tokens, merges }: LearnedVocabulary,
  addPrefixSpace: boolean,
  normalizers: readonly NormalizerName[],
): string {
  const end = SPECIAL_TOKENS[2];
  const endId = SPECIAL_TOKENS.indexOf(end);
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: true,
    trim_offsets: true,
    use_regex: true,
  };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  const text = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const ending = (type: number) => ({ SpecialToken: { id: end, type_id: type } });
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: normalizerEntry(normalizers),
    pre_tokenizer: { ...byteLevel, add_prefix_space: addPrefixSpace },
    post_processor: {
      type: "TemplateProcessing",
      single: [text("A", 0), ending(0)],
      pair: [text("A", 0), ending(0), text("B", 1), ending(1)],
      special_tokens: { [end]: { id: end, ids: [endId], tokens: [end] } },
    },
    decoder: addPrefixSpace ? { type: "Sequence", decoders: [byteLevel, strip] } : byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  });
}
