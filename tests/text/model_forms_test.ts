import { assertEquals } from "@std/assert";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { readFixture } from "./fixtures.ts";

/** A form of tokenizer, and what Hugging Face's Python library makes of lines and ids with it. */
interface Form {
  readonly tokenizer: unknown;
  readonly encoded: readonly (readonly [line: string, ids: readonly number[]])[];
  readonly decoded: readonly (readonly [ids: readonly number[], text: string])[];
}

const forms: Readonly<Record<string, Form>> = JSON.parse(readFixture("forms.json"));

for (const [name, { tokenizer: content, encoded, decoded }] of Object.entries(forms)) {
  Deno.test(`ids and texts are those of Hugging Face's library, ${name}`, async () => {
    const tokenizer = await parseTokenizer(JSON.stringify(content), name);
    assertEquals(tokenizer.kind, "huggingface");
    for (const [line, ids] of encoded) {
      assertEquals(tokenizer.encode(line), ids, `ids of ${JSON.stringify(line)}`);
    }
    for (const [ids, text] of decoded) assertEquals(tokenizer.decode(ids), text, ids.join());
  });
}
