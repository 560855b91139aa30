/** What each token adds to a text, whatever the tokenizer's kind. */
import type { Tokenizer } from "../text/tokenizer.ts";

const known = new WeakMap<Tokenizer, TokenPieces>();

/** The pieces of a tokenizer's tokens, found as they are asked for. */
export class TokenPieces {
  readonly #tokenizer: Tokenizer;
  readonly #pieces: (string | undefined)[] = [];
  /** Tokens of some text, before which a token is not the first. */
  readonly #before: readonly number[];
  readonly #length: number;

  private constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#before = tokenizer.encode("a");
    this.#length = tokenizer.decode(this.#before).length;
  }

  /** Those of a tokenizer. */
  static of(tokenizer: Tokenizer): TokenPieces {
    const found = known.get(tokenizer) ?? new TokenPieces(tokenizer);
    known.set(tokenizer, found);
    return found;
  }

  /** What a token adds, its space included; empty for special tokens. */
  piece(id: number): string {
    return this.#pieces[id] ??= this.#tokenizer.decode([...this.#before, id]).slice(this.#length);
  }

  /** The tokens of a word behind others. */
  tokensOf(word: string): number[] {
    return this.#tokenizer.encode(`a ${word}`).slice(this.#before.length);
  }

  /** The tokens of a text behind others, with no space between but its own. */
  tokensBehind(text: string): number[] {
    return this.#tokenizer.encode(`a${text}`).slice(this.#before.length);
  }

  /** The text of tokens. */
  text(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids);
  }
}
