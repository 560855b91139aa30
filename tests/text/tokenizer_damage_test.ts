/** Damaged tokenizer files: each gives one clear error, or works. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { modelJson, readFixture, tokenizerJson, TOKENIZERS } from "./fixtures.ts";

const SOURCE = "model/tokenizer.json";

const { vocab, merges } = JSON.parse(readFixture("bpe.json")).model;
const last = Object.keys(vocab).find((token) => vocab[token] === 499)!;
const byteLevel = JSON.parse(readFixture("bpe.json")).pre_tokenizer;

const CASES: readonly (readonly [json: string, flaw: string])[] = [
  ["", "it is not valid JSON"],
  ["{\n\n]", "it is not valid JSON"],
  ["[1]", "expected a JSON object, found a list"],
  ["null", "expected a JSON object, found null"],
  ["{}", 'expected "model" to be an object, found nothing'],
  [tokenizerJson("bpe", { model: [] }), 'expected "model" to be an object, found a list'],
  [modelJson("bpe", { type: "RNN" }), 'expected "model.type" to be one of BPE, WordPiece'],
  [
    modelJson("bpe", { vocab: null }),
    'expected "model.vocab" to give each token an id, found null',
  ],
  [modelJson("bpe", { vocab: {} }), 'expected "model.vocab" to have tokens'],
  [modelJson("bpe", { vocab: { ...vocab, x: "1" } }), 'the id of "x" to be a whole number'],
  [modelJson("bpe", { vocab: { ...vocab, x: 1.5 } }), 'the id of "x" to be a whole number'],
  [modelJson("bpe", { vocab: { ...vocab, "<new>": -1 } }), 'the id of "<new>" to be a whole'],
  [modelJson("bpe", { vocab: { ...vocab, "<new>": 1e12 } }), 'the id of "<new>" to be a whole'],
  [modelJson("bpe", { vocab: { ...vocab, "<new>": 499 } }), "id 499 belongs to both"],
  [modelJson("bpe", { vocab: { ...vocab, "<new>": 600 } }), "no token has id 500"],
  [modelJson("bpe", { vocab: { ...vocab, [last]: 600 } }), "no token has id 499"],
  [modelJson("bpe", { merges: null }), 'expected "model.merges" to be a list of token pairs'],
  [modelJson("bpe", { merges: [...merges, "ab"] }), "expected merge 241 to be a pair of tokens"],
  [modelJson("bpe", { merges: [["a", "b", "c"]] }), "expected merge 0 to be a pair of tokens"],
  [modelJson("bpe", { merges: [["a", 1]] }), "expected merge 0 to be a pair of tokens"],
  [modelJson("bpe", { merges: [["a", "<new>"]] }), 'merge 0 names "<new>", which is not in'],
  [modelJson("bpe", { merges: [["Q", "Z"]] }), 'merge 0 makes "QZ", which is not in'],
  [modelJson("bpe", { merges: [...merges, merges[3]] }), "merge 241 repeats merge 3"],
  [modelJson("bpe", { ignore_merges: "no" }), '"model.ignore_merges" to be true or false'],
  [tokenizerJson("bpe", { added_tokens: {} }), 'expected "added_tokens" to be a list'],
  [tokenizerJson("bpe", { added_tokens: [5] }), 'entry 0 of "added_tokens" to be an object'],
  [tokenizerJson("bpe", { added_tokens: [{ id: 1 }] }), 'entry 0 of "added_tokens" to have a text'],
  [
    tokenizerJson("bpe", { added_tokens: [{ id: 5, content: "<s>" }] }),
    '"<s>" has two ids, 1 and 5',
  ],
  [tokenizerJson("bpe", { normalizer: "NFC" }), 'expected "normalizer" to be an object'],
  [tokenizerJson("bpe", { normalizer: {} }), 'expected "normalizer.type" to name a kind'],
  [tokenizerJson("bpe", { normalizer: { type: "NFX" } }), "Unknown Normalizer type: NFX"],
  [
    tokenizerJson("bpe", { pre_tokenizer: { ...byteLevel, add_prefix_space: 1 } }),
    'expected "pre_tokenizer.add_prefix_space" to be true or false, found 1',
  ],
  [
    tokenizerJson("bpe", { decoder: { type: "Sequence", decoders: [byteLevel, 3] } }),
    'expected "decoder[1]" to be an object, found 3',
  ],
  [modelJson("wordpiece", { unk_token: "[NEW]" }), 'its unknown token, "[NEW]", is not in'],
  [modelJson("wordpiece", { continuing_subword_prefix: null }), "to be a string, found null"],
  [modelJson("unigram", { vocab: [["a"]] }), 'entry 0 of "model.vocab" to be a token and its'],
];

Deno.test("parseTokenizer() names the file and the flaw", async () => {
  for (const [json, flaw] of CASES) {
    const error = await assertRejects(() => parseTokenizer(json, SOURCE), UserError);
    assertStringIncludes(error.message, `Cannot load tokenizer "${SOURCE}": `);
    assertStringIncludes(error.message, flaw);
    assert(!error.message.includes("\n"), error.message);
    assertEquals(error.exitCode, ExitCode.model);
  }
});

/** Uses a tokenizer file in every way; whatever is wrong with it must come out as a UserError. */
async function exercise(json: string): Promise<"works" | "refused"> {
  try {
    const tokenizer = await parseTokenizer(json, SOURCE);
    tokenizer.decode(tokenizer.encode("Hello wörld  x </s> [SEP] 日本 😀"));
    for (let id = 0; id < tokenizer.vocabSize; id += 97) tokenizer.tokenText(id);
    return "works";
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(json.slice(0, 2000), { cause: error });
    assertStringIncludes(error.message, SOURCE);
    assert(!error.message.includes("\n"), error.message);
    return "refused";
  }
}

Deno.test("parseTokenizer() refuses a file cut off anywhere", async () => {
  for (const name of TOKENIZERS) {
    const json = readFixture(`${name}.json`).trimEnd();
    for (let part = 0; part < 60; part++) {
      const end = Math.floor(json.length * part / 60);
      assertEquals(await exercise(json.slice(0, end)), "refused", `${name} cut at ${end}`);
    }
  }
});

const WRONG_VALUES = [null, true, -1, 1e9, "x", [], {}, [null]];

type Container = Record<string, unknown>;

/** Every place in a JSON value but of long lists and large objects only the ends. */
function* placesIn(value: unknown): Iterable<readonly [container: Container, key: string]> {
  if (typeof value !== "object" || value === null) return;
  const keys = Object.keys(value);
  for (const key of keys.length > 20 ? [keys[0]!, keys.at(-1)!] : keys) {
    yield [value as Container, key];
    yield* placesIn((value as Container)[key]);
  }
}

Deno.test("parseTokenizer() works or says why, whichever value is wrong or missing", async () => {
  const outcomes = { works: 0, refused: 0 };
  for (const name of TOKENIZERS) {
    const root = JSON.parse(readFixture(`${name}.json`));
    for (const [container, key] of placesIn(root)) {
      const right = container[key];
      for (const wrong of [...WRONG_VALUES, undefined]) {
        container[key] = wrong;
        outcomes[await exercise(JSON.stringify(root))]++;
      }
      container[key] = right;
    }
  }
  // Settings that do not touch ids (versions, type ids, templates for pairs) may be anything.
  assert(outcomes.refused > 2 * outcomes.works, JSON.stringify(outcomes));
});

/** A tokenizer.json whose pre-tokenizer splits by a regular expression. */
function splitBy(pattern: string): string {
  const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  return tokenizerJson("bpe", {
    pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
  });
}

Deno.test("parseTokenizer() refuses what it could not do as Hugging Face's library does, or in time", async () => {
  const refused = async (json: string, flaw: string, source = SOURCE) => {
    const error = await assertRejects(() => parseTokenizer(json, source), UserError, flaw);
    assertEquals(error.exitCode, ExitCode.model);
  };
  await refused(splitBy("(a+)+b"), "could take for ever on some line");
  await parseTokenizer(splitBy("\\s+(?!\\S)|\\s+"), SOURCE);
  const words = { "<pad>": 0, "</s>": 1, "<unk>": 2, a: 3 };
  const wordLevel = { type: "WordLevel", vocab: words, unk_token: "<unk>" };
  await parseTokenizer(JSON.stringify({ model: wordLevel }), SOURCE);
  const nameless = { ...wordLevel, unk_token: "[UNK]" };
  await refused(JSON.stringify({ model: nameless }), 'its unknown token, "[UNK]", is not in');
  await refused('{"model":'.repeat(5000), "nested more than 200 deep");
  await refused("[PAD]\ndog\n", "save_pretrained", "some/vocab.txt");
});

Deno.test("parseTokenizer() says how to add a padding or end token that is missing", async () => {
  const { model } = JSON.parse(readFixture("bpe.json"));
  const vocab = { a: 0, b: 1, "<|endoftext|>": 2 };
  const json = JSON.stringify({ model: { ...model, vocab, merges: [] }, added_tokens: [] });
  const entry = '{"id": 3, "content": "<pad>", "special": true}';
  await assertRejects(() => parseTokenizer(json, SOURCE), UserError, `put ${entry} into`);
  const added = JSON.stringify({
    model: { ...model, vocab, merges: [] },
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    added_tokens: [JSON.parse(entry)],
  });
  assertEquals((await parseTokenizer(added, SOURCE)).special.pad, 3);
});

Deno.test("a line that is far too long for Unigram is cut", async () => {
  const tokenizer = await parseTokenizer(readFixture("unigram.json"), SOURCE);
  const line = "The dog bit the man. ".repeat(15_000);
  const ids = tokenizer.encode(line);
  assertEquals(ids.slice(0, 20), tokenizer.encode(line.slice(0, 2000)).slice(0, 20));
  assert(ids.length < 40_000);
});
