import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { learnMerges, MIN_VOCAB_SIZE, trainBpe } from "../../src/text/bpe_trainer.ts";
import { parseTokenizer } from "../../src/text/tokenizer.ts";
import { readFixture } from "./fixtures.ts";

const corpus = readFixture("corpus.txt").trimEnd().split("\n");

Deno.test("trainBpe() writes the file that Hugging Face's trainer writes", async () => {
  const ours = await trainBpe(corpus, { vocabSize: 500 });
  assertEquals(JSON.parse(ours), JSON.parse(readFixture("bpe.json")));
});

Deno.test("trainBpe() obeys its options as Hugging Face's trainer does", async () => {
  const normalizers = ["NFC", "Lowercase"] as const;
  const ours = await trainBpe(corpus, { vocabSize: 420, addPrefixSpace: false, normalizers });
  assertEquals(JSON.parse(ours), JSON.parse(readFixture("bpe_normalized.json")));
});

Deno.test("trainBpe() reads lines as they come", async () => {
  const stream = ReadableStream.from(corpus);
  assertEquals(
    await trainBpe(stream, { vocabSize: 300 }),
    await trainBpe(corpus, { vocabSize: 300 }),
  );
});

Deno.test("trainBpe() writes a tokenizer that gives every text back", async () => {
  const json = await trainBpe(corpus, { vocabSize: 400 });
  const tokenizer = await parseTokenizer(json, "trained");
  for (const text of ["Hello dog", "日本 😀\n", "\0\ufeff", ...corpus]) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

Deno.test("trainBpe() stops early where no pair is frequent enough", async () => {
  const json = await trainBpe(["ab ab ab cd"], { vocabSize: 1000, minFrequency: 2 });
  const { model } = JSON.parse(json);
  assertEquals(model.merges, [["a", "b"], ["Ġ", "ab"]]);
  assertEquals(Object.keys(model.vocab).length, MIN_VOCAB_SIZE + 2);
});

Deno.test("trainBpe() refuses a vocabulary without room for the bytes, and no text", async () => {
  const tooSmall = "Cannot train a vocabulary of 258 tokens: expected at least 259";
  await assertRejects(() => trainBpe(corpus, { vocabSize: 258 }), UserError, tooSmall);
  await assertRejects(() => trainBpe(corpus, { vocabSize: 300.5 }), UserError, "300.5");
  await assertRejects(() => trainBpe(["", ""], { vocabSize: 300 }), UserError, "is empty");
});

Deno.test("learnMerges() prefers the pair of lower ids where counts are equal", () => {
  const { merges } = learnMerges(new Map([["zy", 2], ["ab", 2], ["az", 2]]), 262, 1);
  assertEquals(merges, [["a", "b"], ["a", "z"], ["z", "y"]]);
});

Deno.test("learnMerges() counts overlapping pairs as they are merged", () => {
  // In "aaaa" the pair (a, a) occurs three times but is merged twice.
  const { tokens, merges } = learnMerges(new Map([["aaaa", 1], ["bc", 2]]), 262, 1);
  assertEquals(merges, [["a", "a"], ["b", "c"], ["aa", "aa"]]);
  assert(tokens.includes("aaaa"));
});

Deno.test("learnMerges() makes no second token of the same text", () => {
  const { tokens, merges } = learnMerges(new Map([["<s>", 5]]), 270, 1);
  assertEquals(merges, [["<", "s"], ["<s", ">"]]);
  assertEquals(tokens.slice(MIN_VOCAB_SIZE), ["<s"]);
});
