/**
 * Penn Treebank tokens, for COCO BLEU, CIDEr-D and concept coverage: the rules of NLTK's
 * `TreebankWordTokenizer` (after Robert MacIntyre's sed script), and the period at the end of every
 * sentence of a line split off, not only that of the last one. Case and punctuation are kept.
 *
 * COCO's own scripts call Stanford's Java tokenizer, lower-case, and drop punctuation; CommonGen's
 * authors used spaCy's tokens as they are, which these come close to: they reproduce the published
 * BLEU-3/4 and CIDEr of BART on CommonGen (tests/metrics/commongen_test.ts).
 */
import { splitWhitespace } from "./python_text.ts";

/** Not next to a word character, and next to one: Python's `\b` at the end and start of a word. */
const WORD = "[\\p{L}\\p{N}_]";
const START = `(?<!${WORD})`;
const END = `(?!${WORD})`;

/** Pairs of words written as one. */
const CONTRACTIONS = [
  `${START}(can)(not)${END}`,
  `${START}(d)('ye)${END}`,
  `${START}(gim)(me)${END}`,
  `${START}(gon)(na)${END}`,
  `${START}(got)(ta)${END}`,
  `${START}(lem)(me)${END}`,
  `${START}(more)('n)${END}`,
  `${START}(wan)(na)(?= )`,
  ` ('t)(is)${END}`,
  ` ('t)(was)${END}`,
].map((pattern) => new RegExp(pattern, "giu"));

/** Splits a line into Treebank tokens. */
export function treebankTokens(line: string): string[] {
  let text = splitWhitespace(line).join(" ")
    // Opening quotes.
    .replace(/^"/, "``")
    .replace(/``/g, " `` ")
    .replace(/([ ([{<])(?:"|'')/g, "$1 `` ")
    // Punctuation.
    .replace(/([:,])(\P{Nd})/gu, " $1 $2")
    .replace(/[:,]$/, " $& ")
    .replace(/\.\.\./g, " ... ")
    .replace(/[;@#$%&]/g, " $& ")
    .replace(/([^.])(\.)([\])}>"']*) *$/, "$1 $2$3 ")
    .replace(/[?!]/g, " $& ")
    .replace(/([^'])' /g, "$1 ' ")
    .replace(/[\][(){}<>]/g, " $& ")
    .replace(/--/g, " -- ");
  text = ` ${text} `
    // Closing quotes and clitics.
    .replace(/''/g, " '' ")
    .replace(/"/g, " '' ")
    .replace(/([^' ])('[sSmMdD]|') /g, "$1 $2 ")
    .replace(/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /g, "$1 $2 ");
  for (const contraction of CONTRACTIONS) text = text.replace(contraction, " $1 $2 ");
  return splitWhitespace(text).flatMap(splitSentencePeriod);
}

/** "end." becomes "end" and "."; initials, "U.S." and ellipses stay whole. */
function splitSentencePeriod(token: string): string[] {
  const isSentenceEnd = token.length > 2 && token.indexOf(".") === token.length - 1;
  return isSentenceEnd ? [token.slice(0, -1), "."] : [token];
}
