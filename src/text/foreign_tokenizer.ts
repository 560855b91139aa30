/**
 * Tokenizers that our own encoder does not know (WordPiece, WordLevel, Unigram, other BPE), through
 * Hugging Face's JavaScript library; where it is known to differ from the Python one, by our own
 * parts.
 */

import { Tokenizer as HuggingFaceTokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { messageOf } from "../errors.ts";
import { describe } from "./json_value.ts";
import { readMerges } from "./merges.ts";
import { adaptTokenizer, readableRoot } from "./model_forms.ts";
import { silentIds, type SpecialTokens } from "./special_tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerError, type TokenizerFile } from "./tokenizer_file.ts";

/**
 * The library searches Unigram's best split of a text in one go, in memory and time that end a job on
 * lines of hundreds of thousands of letters. No model takes as many tokens as this many letters make.
 */
const LONGEST_TEXT = 2 ** 15;

/**
 * Makes a tokenizer of any kind that Hugging Face's library reads.
 *
 * @throws {UserError} where the library cannot make or use it
 */
export function loadForeignTokenizer(file: TokenizerFile, special: SpecialTokens): Tokenizer {
  checkModel(file);
  const tokenizer = new ForeignTokenizer(file, special);
  // The library checks little when it loads: a mistyped part shows only when text goes through it.
  tokenizer.decode(tokenizer.encode("A probe, né 42."));
  return tokenizer;
}

/** Checks what the library takes on trust: the merges, and the tokens that the model's settings name. */
function checkModel(file: TokenizerFile): void {
  const { unk_token: unknown, continuing_subword_prefix: prefix } = file.model;
  const isWordPiece = file.modelType === "WordPiece";
  const needed = isWordPiece || file.modelType === "WordLevel";
  if (isWordPiece && typeof prefix !== "string") {
    const flaw = `expected "model.continuing_subword_prefix" to be a string, found ${
      describe(prefix)
    }`;
    throw tokenizerError(file.source, flaw);
  }
  const given = typeof unknown === "string" && unknown !== "";
  if ((needed || given) && !file.idOf.has(String(unknown))) {
    const flaw = `its unknown token, ${describe(unknown)}, is not in the vocabulary`;
    throw tokenizerError(file.source, flaw);
  }
  if (file.modelType === "BPE") readMerges(file);
}

/** A text cut to what the library can split; no character is cut in two. */
function cut(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  const end = text.codePointAt(LONGEST_TEXT - 1)! > 0xffff ? LONGEST_TEXT - 1 : LONGEST_TEXT;
  return text.slice(0, end);
}

class ForeignTokenizer implements Tokenizer {
  readonly kind = "huggingface";
  readonly vocabSize: number;
  readonly special: SpecialTokens;
  readonly #file: TokenizerFile;
  readonly #silent: ReadonlySet<number>;
  readonly #tokenizer: HuggingFaceTokenizer;

  constructor(file: TokenizerFile, special: SpecialTokens) {
    this.#file = file;
    this.vocabSize = file.tokens.length;
    this.special = special;
    this.#silent = silentIds(file, special);
    this.#tokenizer = this.#guard(() => new HuggingFaceTokenizer(readableRoot(file), {}));
    adaptTokenizer(this.#tokenizer, file);
  }

  encode(text: string): number[] {
    const options = { add_special_tokens: false };
    const { ids } = this.#guard(() => this.#tokenizer.encode(cut(text), options));
    // Text outside a vocabulary without an unknown token has no id and is left out.
    return ids.filter((id) => this.#file.tokens[id] !== undefined);
  }

  decode(ids: Iterable<number>): string {
    const spoken = Array.from(ids).filter((id) =>
      this.#file.tokens[id] !== undefined && !this.#silent.has(id)
    );
    // The library refuses an empty list.
    if (spoken.length === 0) return "";
    // Spaces before punctuation are the business of the file's own decoder.
    const options = { clean_up_tokenization_spaces: false };
    return this.#guard(() => this.#tokenizer.decode(spoken, options));
  }

  tokenText(id: number): string {
    return this.#file.tokens[id] ?? `<unknown ${id}>`;
  }

  toJson(): string {
    return this.#file.json;
  }

  /** Runs the library, whose errors mean that the file is not what it should be. */
  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw tokenizerError(
        this.#file.source,
        `its parts do not fit together (${messageOf(error)})`,
        error,
      );
    }
  }
}
