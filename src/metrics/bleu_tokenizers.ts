/** The tokenizers that sacreBLEU offers for BLEU without extra data: 13a, intl, char and none. */
import { splitWhitespace } from "./python_text.ts";

/** Names of the tokenizers, as in sacreBLEU's `--tokenize` and in signatures. */
export const BLEU_TOKENIZERS = ["13a", "intl", "char", "none"] as const;

/** One of {@linkcode BLEU_TOKENIZERS}. */
export type BleuTokenizer = typeof BLEU_TOKENIZERS[number];

/** Splits a line into tokens the way the tokenizer of that name does. */
export function bleuTokens(line: string, tokenizer: BleuTokenizer): string[] {
  switch (tokenizer) {
    case "13a":
      return splitWhitespace(tokenize13a(line));
    case "intl":
      return splitWhitespace(tokenizeIntl(line));
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

/** mteval-v14's `--international-tokenization`: every Unicode punctuation mark and symbol. */
function tokenizeIntl(line: string): string {
  return line
    .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
    .replace(/(\p{P})(\P{N})/gu, " $1 $2")
    .replace(/\p{S}/gu, " $& ");
}
