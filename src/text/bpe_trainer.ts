/**
 * Trains byte-level BPE: learns merges from counted words and writes a tokenizer.json that Hugging
 * Face's library reads. With the same settings it learns the same merges in the same order as that
 * library's `BpeTrainer`, ties included.
 */

import { ExitCode, UserError } from "../errors.ts";
import { BYTE_CHARACTERS } from "./byte_alphabet.ts";
import { detached } from "./detached.ts";
import { Heap } from "./heap.ts";
import type { TokenPair } from "./merges.ts";
import { makeNormalizer, normalizerEntry, type NormalizerName } from "./normalizer.ts";
import { splitWords } from "./pretokenizer.ts";

/** The tokens that frame a sequence; their place here is their id. */
export const SPECIAL_TOKENS = ["<pad>", "<s>", "</s>"] as const;

/** The smallest vocabulary: the special tokens and one token for each byte. */
export const MIN_VOCAB_SIZE = SPECIAL_TOKENS.length + BYTE_CHARACTERS.length;

/** Settings of a training run. */
export interface BpeTrainingOptions {
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
    for (const word of splitWords(normalize(line), addPrefixSpace)) {
      const count = counts.get(word);
      // The key of an entry stays when only its count is set.
      counts.set(count === undefined ? detached(word) : word, (count ?? 0) + 1);
    }
  }
  if (counts.size === 0) {
    throw new UserError(ExitCode.data, "Cannot train a tokenizer: the training text is empty");
  }
  const learned = learnMerges(counts, vocabSize, minFrequency);
  return tokenizerJson(learned, addPrefixSpace, normalizers);
}

/** What training learns: the tokens in the order of their ids, and the merges in order of use. */
export interface LearnedVocabulary {
  readonly tokens: readonly string[];
  readonly merges: readonly TokenPair[];
}

/** A pair of neighbours waiting to be merged. */
interface Candidate {
  /** left · vocabSize + right: in the order of the ids. */
  readonly pair: number;
  count: number;
  /** Words in which the pair was found when the entry was made. */
  readonly words: readonly number[];
}

/**
 * Merges the most frequent pair of neighbours, the one of lower ids where counts are equal, over and
 * over.
 *
 * @param counts how often each word (see `splitWords`) occurs
 * @param vocabSize number of tokens at which to stop
 * @param minFrequency count below which a pair is left alone
 */
export function learnMerges(
  counts: ReadonlyMap<string, number>,
  vocabSize: number,
  minFrequency: number,
): LearnedVocabulary {
  const tokens: string[] = [...SPECIAL_TOKENS, ...BYTE_CHARACTERS.toSorted()];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const words = new WordTable(counts, idOf);
  const merges = new Map<number, TokenPair>();

  const pairCounts = new Map<number, number>();
  const queue = new Heap<Candidate>((a, b) => b.count - a.count || a.pair - b.pair);
  /** Words in which pairs have newly come up, by pair. */
  let found = new Map<number, number[]>();
  const count = (left: number, right: number, word: number, times: number) => {
    const pair = left * vocabSize + right;
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + times * words.countOf(word));
    if (times < 0) return;
    const places = found.get(pair);
    if (places === undefined) found.set(pair, [word]);
    else if (places.at(-1) !== word) places.push(word);
  };
  const enqueueFound = () => {
    for (const [pair, places] of found) {
      const count = pairCounts.get(pair)!;
      if (count > 0) queue.push({ pair, count, words: places });
    }
    found = new Map();
  };

  for (let word = 0; word < words.size; word++) {
    const symbols = words.symbolsOf(word);
    for (let at = 1; at < symbols.length; at++) count(symbols[at - 1]!, symbols[at]!, word, 1);
  }
  enqueueFound();

  while (tokens.length < vocabSize) {
    const best = queue.pop();
    if (best === undefined) break;
    const current = pairCounts.get(best.pair)!;
    if (best.count !== current) {
      // Merges of overlapping pairs have changed the count since the entry was made.
      best.count = current;
      queue.push(best);
      continue;
    }
    if (best.count < Math.max(minFrequency, 1)) break;

    const left = Math.floor(best.pair / vocabSize);
    const right = best.pair % vocabSize;
    const token = tokens[left]! + tokens[right]!;
    // The token may be there already: made of another pair, or a special token that a word spells.
    const id = idOf.get(token) ?? tokens.push(token) - 1;
    idOf.set(token, id);
    // A pair that comes up again is merged again, and counts where it was merged last.
    merges.delete(best.pair);
    merges.set(best.pair, [tokens[left]!, tokens[right]!]);
    for (const word of best.words) words.merge(word, left, right, id, count);
    enqueueFound();
  }
  return { tokens, merges: [...merges.values()] };
}

/** Called for each pair of neighbours that a merge makes (`times` 1) or ends (-1) in a word. */
type OnPair = (left: number, right: number, word: number, times: 1 | -1) => void;

/** All words as token ids, in one array. */
class WordTable {
  readonly #symbols: Int32Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #counts: Float64Array;

  constructor(counts: ReadonlyMap<string, number>, idOf: ReadonlyMap<string, number>) {
    const idOfByte = BYTE_CHARACTERS.map((character) => idOf.get(character)!);
    const encoder = new TextEncoder();
    const words = Array.from(counts.keys(), (word) => encoder.encode(word));
    this.#counts = Float64Array.from(counts.values());
    this.#lengths = Int32Array.from(words, (bytes) => bytes.length);
    this.#starts = new Int32Array(words.length);
    this.#symbols = new Int32Array(words.reduce((sum, bytes) => sum + bytes.length, 0));
    let start = 0;
    for (const [word, bytes] of words.entries()) {
      this.#starts[word] = start;
      for (const byte of bytes) this.#symbols[start++] = idOfByte[byte]!;
    }
  }

  get size(): number {
    return this.#starts.length;
  }

  countOf(word: number): number {
    return this.#counts[word]!;
  }

  symbolsOf(word: number): Int32Array {
    const start = this.#starts[word]!;
    return this.#symbols.subarray(start, start + this.#lengths[word]!);
  }

  /** Makes `id` of every `left` followed by `right` in a word, from the left. */
  merge(word: number, left: number, right: number, id: number, onPair: OnPair): void {
    const symbols = this.symbolsOf(word);
    let written = 0;
    for (let at = 0; at < symbols.length; at++) {
      if (symbols[at] !== left || symbols[at + 1] !== right) {
        symbols[written++] = symbols[at]!;
        continue;
      }
      if (written > 0) {
        const before = symbols[written - 1]!;
        onPair(before, left, word, -1);
        onPair(before, id, word, 1);
      }
      at++;
      if (at + 1 < symbols.length) {
        const after = symbols[at + 1]!;
        onPair(right, after, word, -1);
        onPair(id, after, word, 1);
      }
      symbols[written++] = id;
    }
    this.#lengths[word] = written;
  }
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
