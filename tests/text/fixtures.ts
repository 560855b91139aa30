/** Tokenizers and recorded answers of Hugging Face's library; see scripts/oracles. */

const FOLDER = new URL("../data/text/", import.meta.url);

/** Names of the recorded tokenizers. */
export const TOKENIZERS = ["bpe", "bpe_plain", "bpe_normalized", "wordpiece", "unigram"] as const;

/** A line, its ids without framing tokens, and the text that the ids decode to. */
export type TokenizerCase = readonly [line: string, ids: number[], decoded: string];

/** A recorded file as text. */
export function readFixture(name: string): string {
  return Deno.readTextFileSync(new URL(name, FOLDER));
}

/** What Hugging Face's library makes of each line with a recorded tokenizer. */
export function readCases(tokenizer: typeof TOKENIZERS[number]): readonly TokenizerCase[] {
  return JSON.parse(readFixture(`${tokenizer}_cases.json`));
}

/** A recorded tokenizer.json with some of its top-level entries replaced. */
export function tokenizerJson(
  name: typeof TOKENIZERS[number],
  changes: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ ...JSON.parse(readFixture(`${name}.json`)), ...changes });
}

/** A recorded tokenizer.json with some settings of its model replaced. */
export function modelJson(
  name: typeof TOKENIZERS[number],
  changes: Readonly<Record<string, unknown>>,
): string {
  const { model } = JSON.parse(readFixture(`${name}.json`));
  return tokenizerJson(name, { model: { ...model, ...changes } });
}
