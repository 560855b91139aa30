/** Words of any script: what ROUGE compares where a to z and digits are not enough. */

/** Letters of scripts that are written without spaces. */
const SPACELESS =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}" +
  "\\p{Script=Khmer}\\p{Script=Myanmar}\\p{Script=Tibetan}";

/** Letters, digits and marks together, but each letter of a script without spaces alone. */
const WORD = new RegExp(`[${SPACELESS}]\\p{M}*|[[\\p{L}\\p{M}\\p{N}]--[${SPACELESS}]]+`, "gv");

/** A letter of a script written without spaces, with the marks on it. */
export const SPACELESS_LETTER: RegExp = new RegExp(`[${SPACELESS}]\\p{M}*`, "gu");

/** Whether a text has letters of a script that is written without spaces. */
export function isSpaceless(text: string): boolean {
  return text.search(SPACELESS_LETTER) >= 0;
}

/**
 * The lower-cased words of a text, composed (NFC). Of text in a to z and digits they are those that
 * rouge_score finds.
 */
export function unicodeWords(text: string): string[] {
  return text.normalize("NFC").toLowerCase().match(WORD) ?? [];
}
