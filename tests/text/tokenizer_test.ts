import { assertEquals } from "@std/assert";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { readCases, readFixture, tokenizerJson, TOKENIZERS } from "./fixtures.ts";

for (const name of TOKENIZERS) {
  Deno.test(`encode() and decode() agree with Hugging Face's library, ${name}`, async () => {
    const tokenizer = await parseTokenizer(readFixture(`${name}.json`), name);
    for (const [line, ids, decoded] of readCases(name)) {
      assertEquals(tokenizer.encode(line), ids, `ids of ${JSON.stringify(line)}`);
      assertEquals(tokenizer.decode(ids), decoded, `text of ${JSON.stringify(line)}`);
    }
  });
}

Deno.test("parseTokenizer() gives byte-level BPE to our encoder and the rest to the library", async () => {
  const kinds = TOKENIZERS.map(async (name) => {
    const { kind, vocabSize } = await parseTokenizer(readFixture(`${name}.json`), name);
    return [kind, vocabSize];
  });
  assertEquals(await Promise.all(kinds), [
    ["bpe", 500],
    ["bpe", 421],
    ["bpe", 420],
    ["huggingface", 400],
    ["huggingface", 300],
  ]);
});

Deno.test("parseTokenizer() leaves to the library what our encoder does not know", async () => {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  const strip = { type: "Strip", content: "x", start: 1, stop: 0 };
  const changes = [
    { pre_tokenizer: { ...byteLevel, use_regex: false } },
    { pre_tokenizer: { type: "Sequence", pretokenizers: [byteLevel] } },
    { decoder: { type: "Sequence", decoders: [byteLevel, strip] } },
    { normalizer: { type: "StripAccents" } },
    { added_tokens: [{ id: 2, content: "</s>", special: true, lstrip: true }] },
  ];
  for (const change of changes) {
    const { kind } = await parseTokenizer(tokenizerJson("bpe_plain", change), "changed");
    assertEquals(kind, "huggingface", JSON.stringify(change));
  }
});

Deno.test("parseTokenizer() reads merges written as one string each", async () => {
  const root = JSON.parse(readFixture("bpe.json"));
  root.model.merges = root.model.merges.map((pair: string[]) => pair.join(" "));
  const tokenizer = await parseTokenizer(JSON.stringify(root), "old");
  for (const [line, ids] of readCases("bpe")) assertEquals(tokenizer.encode(line), ids);
});

Deno.test("encode() gives the same ids when its cache has seen the words before", async () => {
  const tokenizer = await parseTokenizer(readFixture("bpe.json"), "bpe");
  const words = Array.from({ length: 70_000 }, (_, index) => `w${index.toString(36)}`);
  const first = words.slice(0, 50).map((word) => tokenizer.encode(word));
  for (const word of words) tokenizer.encode(word);
  assertEquals(words.slice(0, 50).map((word) => tokenizer.encode(word)), first);
});

Deno.test("encode() hands out ids that the caller may change", async () => {
  const tokenizer = await parseTokenizer(readFixture("bpe.json"), "bpe");
  const ids = tokenizer.encode("river");
  const expected = [...ids];
  ids.fill(0);
  assertEquals(tokenizer.encode("river"), expected);
});

Deno.test("encode() takes a lone surrogate for U+FFFD", async () => {
  const tokenizer = await parseTokenizer(readFixture("bpe.json"), "bpe");
  assertEquals(tokenizer.encode("a\ud800b"), tokenizer.encode("a\ufffdb"));
});

Deno.test("decode() leaves out special and unknown ids", async () => {
  for (const name of ["bpe", "wordpiece"] as const) {
    const tokenizer = await parseTokenizer(readFixture(`${name}.json`), name);
    const { pad, eos } = tokenizer.special;
    const ids = tokenizer.encode("the dog");
    assertEquals(tokenizer.decode([pad, ...ids, eos, pad, 99_999, -1]), "the dog");
    assertEquals(tokenizer.decode(new Int32Array(ids)), "the dog");
    assertEquals(tokenizer.decode([pad, eos]), "");
  }
});

Deno.test("tokenText() shows each token readably", async () => {
  const bpe = await parseTokenizer(readFixture("bpe.json"), "bpe");
  assertEquals(bpe.encode("the né").map((id) => bpe.tokenText(id)), [" the", " n", "é"]);
  assertEquals(bpe.tokenText(2), "</s>");
  const bytes = bpe.encode("x😀").slice(-4).map((id) => bpe.tokenText(id));
  assertEquals(bytes, ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]);
  assertEquals(bpe.tokenText(500), "<unknown 500>");
  const wordpiece = await parseTokenizer(readFixture("wordpiece.json"), "wordpiece");
  assertEquals(wordpiece.tokenText(2), "[CLS]");
  assertEquals(wordpiece.tokenText(400), "<unknown 400>");
});

Deno.test("toJson() gives the file back", async () => {
  for (const name of TOKENIZERS) {
    const json = readFixture(`${name}.json`);
    assertEquals((await parseTokenizer(json, name)).toJson(), json);
  }
});
