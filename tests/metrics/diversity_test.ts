import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { sentenceBleu } from "../../src/metrics/bleu.ts";
import {
  distinct,
  distinctSignature,
  div4,
  selfBleu,
  selfBleuSignature,
} from "../../src/metrics/diversity.ts";
import { readLinesFixture } from "./fixtures.ts";

Deno.test("distinct() divides different n-grams by n-grams", () => {
  assertEquals(distinct(["a b a", "a b c"], {}, 3), [3 / 6, 3 / 4, 1]);
  assertEquals(distinct(["a", ""], {}, 2), [1, 0]);
});

Deno.test("distinct() obeys tokenizer and case", () => {
  assertEquals(distinct(["A a."], { tokenize: "none" }, 1), [1]);
  assertEquals(distinct(["A a."], { lowercase: true }, 1), [2 / 3]);
});

Deno.test("div4() compares the candidates of one source", () => {
  assertEquals(div4(["a b c d", "a b c d", "a b c e"]), 2 / 3);
  assertEquals(div4(["a b c", "a"]), 0);
});

Deno.test("selfBleu() is the mean sentence BLEU of each text against all others", async () => {
  const lines = await readLinesFixture("commongen_bart.jsonl");
  const texts = lines.slice(0, 80).map((line): string => JSON.parse(line).outputs[0]);
  texts.push(texts[3]!, "", "a a a a a a a a a a a a", "a a a");
  for (const options of [{}, { smoothMethod: "floor", lowercase: true } as const]) {
    const scores = texts.map((text, k) => sentenceBleu(text, texts.toSpliced(k, 1), options).score);
    const mean = scores.reduce((a, b) => a + b) / scores.length;
    assertAlmostEquals(selfBleu(texts, options), mean, 1e-9);
  }
});

Deno.test("selfBleu() refuses a single text", () => {
  assertThrows(() => selfBleu(["a"]), RangeError, "two or more");
});

Deno.test("distinctSignature() and selfBleuSignature() name what the measures depend on", () => {
  const options = { tokenize: "char", lowercase: true, smoothMethod: "floor" } as const;
  assertEquals(
    distinctSignature("corpus", options),
    "case:lc|tok:char|set:corpus|version:ardiff",
  );
  assertEquals(
    selfBleuSignature("candidates", options),
    "case:lc|eff:yes|tok:char|smooth:floor[0.10]|set:candidates|version:ardiff",
  );
});
