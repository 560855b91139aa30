/**
 * Words and characters that the utilities compare.
 *
 * Words follow the tokenizer of mteval-v13a with lower-casing, because the published runs of
 * AR-Diffusion chose their candidates with a case-insensitive BLEU over that tokenizer: "The dog,
 * barks." and "the dog , barks ." are the same words. Of scripts written without spaces, which the
 * runs did not have, each character is a word.
 */
import { SPACELESS_LETTER } from "../metrics/unicode_words.ts";

/** White space as Python's `str.split` and `\s` see it, which is not quite JavaScript's `\s`. */
// deno-lint-ignore no-control-regex -- the four separators U+001C..U+001F are white space there
const WHITE_SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const EVERY_WHITE_SPACE = new RegExp(WHITE_SPACE, "g");

/** ASCII punctuation except apostrophe, comma, hyphen and full stop. */
const SYMBOL = /[!-&(-+/:-@[-`{-~]/g;

/**
 * The lower-cased words of a text: symbols stand alone, commas and full stops do unless they touch
 * digits on both sides, hyphens do after a digit. A text without words gives an empty list.
 */
export function words(text: string): string[] {
  const plain = text.includes("<skipped>") || text.includes("\n") || text.includes("&")
    ? dropMarkup(text)
    : text;
  return ` ${plain} `
    .replace(SYMBOL, " $& ")
    .replace(SPACELESS_LETTER, " $& ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])-/g, "$1 - ")
    .toLowerCase()
    .split(WHITE_SPACE)
    .filter((word) => word !== "");
}

/** Mends the line breaks and character entities of mteval's SGML files. */
function dropMarkup(text: string): string {
  return text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
}

/** The code points of a text without its white space, case kept: what chrF's n-grams run over. */
export function characters(text: string): string[] {
  return Array.from(text.replace(EVERY_WHITE_SPACE, ""));
}
