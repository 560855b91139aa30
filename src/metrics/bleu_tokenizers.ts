/** The tokenizers that sacreBLEU offers for BLEU without extra data: 13a, intl, zh, char and none. */
import { splitWhitespace } from "./python_text.ts";

/** Names of the tokenizers, as in sacreBLEU's `--tokenize` and in signatures. */
export const BLEU_TOKENIZERS = ["13a", "intl", "zh", "char", "none"] as const;

/** One of {@linkcode BLEU_TOKENIZERS}. */
export type BleuTokenizer = typeof BLEU_TOKENIZERS[number];

/** Splits a line into tokens the way the tokenizer of that name does. */
export function bleuTokens(line: string, tokenizer: BleuTokenizer): string[] {
  switch (tokenizer) {
    case "13a":
      return splitWhitespace(tokenize13a(line));
    case "intl":
      return splitWhitespace(tokenizeIntl(line));
    case "zh":
      return splitWhitespace(tokenizeZh(line));
    case "char":
      return splitWhitespace([...line].join(" "));
    case "none":
      return splitWhitespace(line);
  }
}

/** NIST's mteval-v13a: SGML escapes undone, ASCII punctuation split off, 1,000.5 kept whole. */
function tokenize13a(line: string): string {
  let text = line.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  if (text.includes("&")) {
    text = text.replaceAll("&quot;", '"').replaceAll("&amp;", "&")
      .replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  }
  return ` ${text} `
    .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
}

/** Characters that sacreBLEU's `zh` sets apart, by its ranges of code points. */
const CHINESE =
  /[\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31ef\u3200-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef]/g;

/** sacreBLEU's Chinese: each Chinese character alone, and the rest as in 13a, without its escapes. */
function tokenizeZh(line: string): string {
  return line.trim().replace(CHINESE, " $& ")
    .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
}

/** mteval-v14's `--international-tokenization`: every Unicode punctuation mark and symbol. */
function tokenizeIntl(line: string): string {
  return line
    .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
    .replace(/(\p{P})(\P{N})/gu, " $1 $2")
    .replace(/\p{S}/gu, " $& ");
}
