import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { trainBpe } from "../../src/text/bpe_trainer.ts";
import { MIN_VOCAB_SIZE } from "../../src/text/learn_merges.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
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

Deno.test("trainBpe() counts lone surrogates as U+FFFD", async () => {
  const broken = await trainBpe(["a\ud800", "a\ud801", "a\ud800"], { vocabSize: 270 });
  assertEquals(broken, await trainBpe(Array(3).fill("a\ufffd"), { vocabSize: 270 }));
});

Deno.test("trainBpe() refuses a vocabulary without room for the bytes, and no text", async () => {
  const tooSmall = "Cannot train a vocabulary of 258 tokens: expected at least 259";
  await assertRejects(() => trainBpe(corpus, { vocabSize: 258 }), UserError, tooSmall);
  await assertRejects(() => trainBpe(corpus, { vocabSize: 300.5 }), UserError, "300.5");
  await assertRejects(() => trainBpe(["", ""], { vocabSize: 300 }), UserError, "is empty");
});
