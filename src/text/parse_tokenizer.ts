/**
 * Makes a tokenizer of a file. Byte-level BPE of the form that `ardiff tokenizer train` writes goes
 * through our own encoder; WordPiece, Unigram and every other form through Hugging Face's JavaScript
 * library, which is loaded only then.
 */
import { ByteLevelBpe, byteLevelForm } from "./bpe.ts";
import { findSpecialTokens } from "./special_tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { parseTokenizerFile } from "./tokenizer_file.ts";

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
