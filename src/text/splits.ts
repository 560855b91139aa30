/**
 * Where the pre-tokenizers of Hugging Face's Python library part a text. Its JavaScript library takes
 * white space and words as JavaScript's own patterns do, which know letters a to z only, and leaves
 * out some settings.
 */
import type { JsonObject } from "../host/json_value.ts";

/** Parts a text into what a tokenizer's model gets, one after another; white space may be lost. */
type Splitter = (text: string) => string[];

const SPACE = "\\p{White_Space}";
const LETTER = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
const PUNCTUATION = "\\p{P}$+<=>^`|~";

const WORDS = new RegExp(`[${LETTER}]+|[^${LETTER}${SPACE}]+`, "gu");
const NO_SPACE = new RegExp(`[^${SPACE}]+`, "gu");
const BERT_WORDS = new RegExp(`[^${SPACE}${PUNCTUATION}]+|[${PUNCTUATION}]`, "gu");
const PUNCTUATION_MARK = new RegExp(`[${PUNCTUATION}]`, "gu");
const NUMERAL = /\p{N}/gu;

/** The splitter of a pre-tokenizer, where it is one that the JavaScript library has otherwise. */
export function splitterOf(config: JsonObject): Splitter | undefined {
  switch (config["type"]) {
    case "Whitespace":
      return (text) => text.match(WORDS) ?? [];
    case "WhitespaceSplit":
      return (text) => text.match(NO_SPACE) ?? [];
    case "BertPreTokenizer":
      return (text) => text.match(BERT_WORDS) ?? [];
    case "Punctuation":
      return (text) => splitAt(text, PUNCTUATION_MARK, String(config["behavior"] ?? "Isolated"));
    case "Digits": {
      const behavior = config["individual_digits"] === true ? "Isolated" : "Contiguous";
      return (text) => splitAt(text, NUMERAL, behavior);
    }
    default:
      return undefined;
  }
}

/**
 * Parts a text at characters.
 *
 * @param behavior what becomes of the characters, by the library's names
 */
function splitAt(text: string, characters: RegExp, behavior: string): string[] {
  const parts: { text: string; isMatch: boolean }[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(characters)) {
    if (index > end) parts.push({ text: text.slice(end, index), isMatch: false });
    parts.push({ text: found, isMatch: true });
    end = index + found.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), isMatch: false });
  const joined: string[] = [];
  for (const [i, { text: part, isMatch }] of parts.entries()) {
    if (isMatch && behavior === "Removed") continue;
    const before = parts[i - 1];
    const joins = before !== undefined && (
      behavior === "Contiguous"
        ? isMatch && before.isMatch
        : behavior === "MergedWithPrevious"
        ? isMatch && !before.isMatch
        : behavior === "MergedWithNext" && !isMatch && before.isMatch
    );
    if (joins) joined[joined.length - 1] += part;
    else joined.push(part);
  }
  return joined;
}
