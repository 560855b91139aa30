import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { findSpecialTokens } from "../../src/text/special_tokens.ts";
import { parseTokenizerFile } from "../../src/text/tokenizer_file.ts";

/** The special tokens of a vocabulary in the order of its ids. */
function find(tokens: readonly string[], postProcessor: unknown = null) {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const model = { type: "WordLevel", vocab, unk_token: null };
  const json = JSON.stringify({ model, post_processor: postProcessor });
  return findSpecialTokens(parseTokenizerFile(json, "test"));
}

function template(...pieces: readonly string[]) {
  const single = pieces.map((piece) =>
    piece === "A" ? { Sequence: { id: "A", type_id: 0 } } : { SpecialToken: { id: piece } }
  );
  return { type: "TemplateProcessing", single };
}

Deno.test("findSpecialTokens() takes beginning and end from the post-processor", () => {
  const tokens = ["x", "</s>", "<s>", "<pad>"];
  assertEquals(find(tokens, template("<s>", "A", "</s>")), { pad: 3, bos: 2, eos: 1 });
  assertEquals(find(tokens, template("A", "</s>")), { pad: 3, bos: null, eos: 1 });
  assertEquals(find(tokens, template("A", "x")), { pad: 3, bos: null, eos: 0 });
  const roberta = { type: "RobertaProcessing", cls: ["<s>", 2], sep: ["</s>", 1] };
  assertEquals(find(tokens, roberta), { pad: 3, bos: 2, eos: 1 });
  const sequence = { type: "Sequence", processors: [{ type: "ByteLevel" }, roberta] };
  assertEquals(find(tokens, sequence), { pad: 3, bos: 2, eos: 1 });
});

Deno.test("findSpecialTokens() goes by name without a post-processor", () => {
  assertEquals(find(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]), { pad: 0, bos: 2, eos: 3 });
  assertEquals(find(["<pad>", "<s>", "</s>"]), { pad: 0, bos: null, eos: 2 });
});

Deno.test("findSpecialTokens() says what is missing", () => {
  const cases: readonly (readonly [tokens: string[], postProcessor: unknown, message: string])[] = [
    [
      ["</s>"],
      null,
      'Cannot load tokenizer "test": it has no padding token: expected one of <pad>',
    ],
    [["<pad>"], null, "it has no end token: expected one of </s>, [SEP]"],
    [["<pad>", "</s>"], template("<s>", "A"), 'its post-processor adds "<s>", which is not in'],
    [["<pad>", "</s>"], template("</s>"), "has no place for the text"],
    [["<pad>", "</s>"], { type: "Mystery" }, 'of the unknown type "Mystery"'],
  ];
  for (const [tokens, postProcessor, message] of cases) {
    assertThrows(() => find(tokens, postProcessor), UserError, message);
  }
});
