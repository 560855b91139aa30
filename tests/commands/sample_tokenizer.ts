import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";

/** The path of a small byte-level BPE tokenizer.json without a beginning token. */
export const TOKENIZER = decodeURIComponent(
  new URL("../data/text/bpe_plain.json", import.meta.url).pathname,
);

/** The number of its tokens. */
export const TOKENIZER_SIZE =
  (await parseTokenizer(Deno.readTextFileSync(TOKENIZER), TOKENIZER)).vocabSize;
