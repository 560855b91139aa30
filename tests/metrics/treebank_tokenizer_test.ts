import { assertEquals } from "@std/assert";
import { treebankTokens } from "../../src/metrics/treebank_tokenizer.ts";

Deno.test("treebankTokens() splits contractions, quotes, brackets and punctuation", () => {
  assertEquals(
    treebankTokens("\"I can't,\" he said: they'll pay $3.50 (or more)... gonna -- it!"),
    "`` I ca n't , '' he said : they 'll pay $ 3.50 ( or more ) ... gon na -- it !".split(" "),
  );
});

Deno.test("treebankTokens() splits the period of every sentence, and no other", () => {
  assertEquals(
    treebankTokens("A cat sat. It left the U.S. at 3.5 e.g. with J. Doe... Then it ended."),
    "A cat sat . It left the U.S. at 3.5 e.g. with J. Doe ... Then it ended .".split(" "),
  );
});

Deno.test("treebankTokens() takes any whitespace", () => {
  assertEquals(treebankTokens(" a\u00a0b\tc.\u3000"), ["a", "b", "c", "."]);
  assertEquals(treebankTokens(" \n"), []);
});
