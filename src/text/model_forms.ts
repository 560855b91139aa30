/**
 * What Hugging Face's JavaScript library lacks or does otherwise than the Python one, put in its
 * place: where text is parted into words, WordLevel, Unigram with byte fallback, words of Unigram that
 * end and begin with unknown letters, and byte tokens that are no text.
 */
import type { Tokenizer as HuggingFaceTokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { isObject, type JsonObject } from "../host/json_value.ts";
import { splitterOf } from "./splits.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/** What the JavaScript library insists on, and the Python one takes for none where it is left out. */
const ABSENT = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };

/** The file as the library can read it: WordLevel, which it does not know, in WordPiece's form. */
export function readableRoot({ root, model, modelType }: TokenizerFile): JsonObject {
  const whole = { ...ABSENT, added_tokens: [], ...root };
  if (modelType !== "WordLevel") return whole;
  const form = { type: "WordPiece", continuing_subword_prefix: "", max_input_chars_per_word: 1 };
  return { ...whole, model: { ...model, ...form } };
}

/** Gives a tokenizer of the library the models, splits and decoders of the Python one. */
export function adaptTokenizer(tokenizer: HuggingFaceTokenizer, file: TokenizerFile): void {
  for (
    const { config, part } of partsOf<Normalizer>(file.root["normalizer"], tokenizer.normalizer)
  ) {
    if (config["type"] === "BertNormalizer") part.tokenize_chinese_chars = setHanApart;
  }
  for (const part of partsOf<PreTokenizer>(file.root["pre_tokenizer"], tokenizer.pre_tokenizer)) {
    adaptSplit(part);
  }
  for (const { config, part } of partsOf<Decoder>(file.root["decoder"], tokenizer.decoder)) {
    if (config["type"] === "ByteFallback") part.decode_chain = joinByteTokens;
  }
  if (tokenizer.model !== null) adaptModel(tokenizer.model, file);
}

/** A part of the library with the settings that it was made of. */
interface Part<T> {
  readonly config: JsonObject;
  readonly part: T;
}

/** A normalizer of the library, as far as it matters here. */
interface Normalizer {
  readonly normalizers?: readonly Normalizer[];
  tokenize_chinese_chars(text: string): string;
}

/** A pre-tokenizer of the library, as far as it matters here. */
interface PreTokenizer {
  readonly tokenizers?: readonly PreTokenizer[];
  pre_tokenize_text(text: string, options: unknown): string[];
}

/** A decoder of the library, as far as it matters here. */
interface Decoder {
  readonly decoders?: readonly Decoder[];
  decode_chain(tokens: string[]): string[];
}

/** A component and the components of its sequence; none where there is none. */
function partsOf<T extends object>(config: unknown, component: object | null): Part<T>[] {
  if (!isObject(config) || component === null) return [];
  const { normalizers, tokenizers, decoders } = component as Record<string, readonly object[]>;
  const configs = config["normalizers"] ?? config["pretokenizers"] ?? config["decoders"];
  const parts = normalizers ?? tokenizers ?? decoders ?? [];
  const inner = Array.isArray(configs)
    ? parts.flatMap((part, i) => partsOf<T>(configs[i], part))
    : [];
  return [{ config, part: component as T }, ...inner];
}

/** Ideographs, which the JavaScript library does not know beyond the basic plane. */
const HAN =
  /[\u{4e00}-\u{9fff}\u{3400}-\u{4dbf}\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{f900}-\u{faff}\u{2f800}-\u{2fa1f}]/gu;

function setHanApart(text: string): string {
  return text.replace(HAN, " $& ");
}

function adaptSplit({ config, part }: Part<PreTokenizer>): void {
  const splitter = splitterOf(config);
  if (splitter !== undefined) {
    part.pre_tokenize_text = splitter;
  } else if (config["type"] === "Metaspace" && config["split"] !== false) {
    const mark = typeof config["replacement"] === "string" ? config["replacement"] : "\u2581";
    const before = new RegExp(`(?=${RegExp.escape(mark)})`, "u");
    const whole = part.pre_tokenize_text.bind(part);
    part.pre_tokenize_text = (text, options) =>
      whole(text, options).flatMap((word) => word.split(before));
  }
}

function adaptModel(
  model: NonNullable<HuggingFaceTokenizer["model"]>,
  { idOf, model: settings, modelType }: TokenizerFile,
): void {
  if (modelType === "WordLevel") {
    const unknown = String(settings["unk_token"]);
    model._call = (words) => words.map((word) => idOf.has(word) ? word : unknown);
  }
  if (modelType === "Unigram") {
    const split = model._call.bind(model);
    const falls = settings["byte_fallback"] === true;
    const known = (piece: string) => idOf.has(piece) || !falls ? [piece] : inBytes(piece, idOf);
    // A word at a time: the library joins what is unknown across their borders.
    model._call = (words) => words.flatMap((word) => split([word]).flatMap(known));
  }
}

const utf8 = new TextEncoder();

/** A piece as its bytes' tokens, or itself where one of them is not in the vocabulary. */
function inBytes(piece: string, idOf: ReadonlyMap<string, number>): readonly string[] {
  const tokens = Array.from(
    utf8.encode(piece),
    (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  return tokens.every((token) => idOf.has(token)) ? tokens : [piece];
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Runs of byte tokens as the text that they are, or a U+FFFD for each byte where they are none. */
function joinByteTokens(tokens: readonly string[]): string[] {
  const joined: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      joined.push(strictUtf8.decode(Uint8Array.from(bytes)));
    } catch {
      joined.push(...bytes.map(() => "\ufffd"));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x(\+?[0-9a-fA-F]|[0-9a-fA-F]{2})>$/.exec(token);
    if (byte !== null && token.length === 6) bytes.push(parseInt(byte[1]!, 16));
    else {
      flush();
      joined.push(token);
    }
  }
  flush();
  return joined;
}
