/**
 * Our own encoder and decoder for byte-level BPE: the form that `ardiff tokenizer train` and Hugging
 * Face's `ByteLevelBPETokenizer` write. Gives the ids of Hugging Face's library.
 */

import { isObject, type JsonObject } from "../host/json_value.ts";
import { BYTE_CHARACTERS, tokenToBytes } from "./byte_alphabet.ts";
import { detached } from "./detached.ts";
import { MergeTable, readMerges } from "./merges.ts";
import { makeNormalizer, type Normalizer, normalizerNames } from "./normalizer.ts";
import { splitWords } from "./pretokenizer.ts";
import { silentIds, type SpecialTokens } from "./special_tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { AddedToken, TokenizerFile } from "./tokenizer_file.ts";

/** What sets one byte-level BPE file apart from another, besides its vocabulary. */
interface ByteLevelForm {
  /** What to merge inside a word. */
  readonly merges: MergeTable;
  /** Rewrites text before it is split. */
  readonly normalize: Normalizer;
  /** A text without a space at its beginning is given one before it is split. */
  readonly addPrefixSpace: boolean;
  /** One space at the beginning of decoded text is removed. */
  readonly stripPrefixSpace: boolean;
}

/**
 * The form of a file that our encoder can stand in for, undefined for any other.
 *
 * @throws {UserError} where the form is ours but its merges are damaged
 */
export function byteLevelForm(file: TokenizerFile): ByteLevelForm | undefined {
  const { model, root, added } = file;
  if (file.modelType !== "BPE") return undefined;
  if (MODEL_OPTIONS.some((name) => !isOff(model[name]))) return undefined;
  const preTokenizer = root["pre_tokenizer"];
  if (!isByteLevel(preTokenizer) || preTokenizer["use_regex"] === false) return undefined;
  const addPrefixSpace = preTokenizer["add_prefix_space"];
  if (typeof addPrefixSpace !== "boolean") return undefined;
  const stripPrefixSpace = stripsPrefixSpace(root["decoder"]);
  if (stripPrefixSpace === undefined) return undefined;
  const normalizers = normalizerNames(root["normalizer"]);
  if (normalizers === undefined) return undefined;
  const plain = (token: AddedToken) =>
    !token.singleWord && !token.strips && (!token.normalized || normalizers.length === 0);
  if (!added.every(plain)) return undefined;
  return {
    merges: new MergeTable(readMerges(file), file),
    normalize: makeNormalizer(normalizers),
    addPrefixSpace,
    stripPrefixSpace,
  };
}

/** Settings of a BPE model that our encoder knows only switched off. */
const MODEL_OPTIONS = [
  "dropout",
  "unk_token",
  "continuing_subword_prefix",
  "end_of_word_suffix",
  "byte_fallback",
  "ignore_merges",
];

function isOff(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === "" || value === 0;
}

function isByteLevel(entry: unknown): entry is JsonObject {
  return isObject(entry) && entry["type"] === "ByteLevel";
}

/** Whether a decoder removes the prefix space; undefined where it is not a byte-level decoder. */
function stripsPrefixSpace(decoder: unknown): boolean | undefined {
  if (isByteLevel(decoder)) return false;
  if (!isObject(decoder) || decoder["type"] !== "Sequence") return undefined;
  const steps = decoder["decoders"];
  if (!Array.isArray(steps) || steps.length !== 2 || !isByteLevel(steps[0])) return undefined;
  const strip: unknown = steps[1];
  const ours = isObject(strip) && strip["type"] === "Strip" && strip["content"] === " " &&
    strip["start"] === 1 && strip["stop"] === 0;
  return ours || undefined;
}

/** The cache of encoded words starts anew when it has this many. */
const CACHED_WORDS = 2 ** 16;

/** Longer words than this, in bytes, are rare and not worth room in the cache. */
const CACHED_WORD_BYTES = 64;

const utf8 = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Byte-level BPE in the form that {@linkcode byteLevelForm} finds in a file. */
export class ByteLevelBpe implements Tokenizer {
  readonly kind = "bpe";
  readonly vocabSize: number;
  /** Ids that frame a sequence. */
  readonly special: SpecialTokens;
  readonly #file: TokenizerFile;
  readonly #form: ByteLevelForm;
  /** Bytes of each id. */
  readonly #bytes: readonly Uint8Array[];
  /** Ids that decoding leaves out. */
  readonly #silent: ReadonlySet<number>;
  /** Id of each byte; a byte outside the vocabulary has none and is lost, as in Hugging Face's. */
  readonly #idOfByte: readonly (number | undefined)[];
  readonly #addedTokens: RegExp | undefined;
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * Makes the encoder of a file.
   *
   * @param file a file of our form
   * @param special its special tokens
   * @param form what {@linkcode byteLevelForm} found in it
   */
  constructor(file: TokenizerFile, special: SpecialTokens, form: ByteLevelForm) {
    this.#file = file;
    this.#form = form;
    this.vocabSize = file.tokens.length;
    this.special = special;
    this.#silent = silentIds(file, special);
    this.#bytes = file.tokens.map(tokenToBytes);
    this.#idOfByte = BYTE_CHARACTERS.map((character) => file.idOf.get(character));
    this.#addedTokens = addedTokenPattern(file.added);
  }

  encode(text: string): number[] {
    if (!this.#addedTokens) return this.#encodeSection(text);
    // Splitting at a captured pattern puts the added tokens at the odd places.
    return text.split(this.#addedTokens).flatMap((section, place) =>
      place % 2 === 0 ? this.#encodeSection(section) : this.#file.idOf.get(section)!
    );
  }

  decode(ids: Iterable<number>): string {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const bytes = this.#bytes[id];
      if (bytes === undefined || this.#silent.has(id)) continue;
      pieces.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let offset = 0;
    for (const bytes of pieces) {
      joined.set(bytes, offset);
      offset += bytes.length;
    }
    const text = utf8Decoder.decode(joined);
    return this.#form.stripPrefixSpace && text.startsWith(" ") ? text.slice(1) : text;
  }

  /** The token's text with its space, or the bytes where they are no whole characters. */
  tokenText(id: number): string {
    const bytes = this.#bytes[id];
    if (bytes === undefined) return `<unknown ${id}>`;
    try {
      return strictUtf8Decoder.decode(bytes);
    } catch {
      return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase()}>`).join("");
    }
  }

  toJson(): string {
    return this.#file.json;
  }

  /** Encodes text without added tokens in it. */
  #encodeSection(section: string): number[] {
    const ids: number[] = [];
    const { normalize, addPrefixSpace } = this.#form;
    for (const word of splitWords(normalize(section), addPrefixSpace)) {
      for (const id of this.#cache.get(word) ?? this.#encodeWord(word)) ids.push(id);
    }
    return ids;
  }

  #encodeWord(word: string): readonly number[] {
    const bytes = utf8.encode(word);
    const symbols: number[] = [];
    for (const byte of bytes) {
      const id = this.#idOfByte[byte];
      if (id !== undefined) symbols.push(id);
    }
    const ids = this.#form.merges.apply(symbols);
    if (bytes.length <= CACHED_WORD_BYTES) {
      if (this.#cache.size >= CACHED_WORDS) this.#cache.clear();
      this.#cache.set(detached(word), ids);
    }
    return ids;
  }
}

/** Matches any added token, the longest first, and captures it. */
function addedTokenPattern(added: readonly AddedToken[]): RegExp | undefined {
  if (added.length === 0) return undefined;
  const contents = added.map(({ content }) => content).sort((a, b) => b.length - a.length);
  return new RegExp(`(${contents.map((content) => RegExp.escape(content)).join("|")})`, "u");
}
