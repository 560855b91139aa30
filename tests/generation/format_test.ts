import { assertEquals } from "@std/assert";
import { formatResult } from "../../src/generation/format.ts";
import type { GenerationResult } from "../../src/generation/generate.ts";

const RESULT: GenerationResult = {
  source: "dog\tcatch",
  text: "a dog catches",
  chosen: 1,
  candidates: [
    { text: "the\tdog", utility: 0.25, logProbability: -0.5, calls: 5 },
    { text: "a dog catches", utility: 0.5, logProbability: -1, calls: 5 },
  ],
  calls: 21,
  truncated: false,
};
const ALL = { ...RESULT, text: "the\tdog", chosen: null };
const BLANK: GenerationResult = {
  source: " ",
  text: "",
  chosen: 0,
  candidates: [{ text: "", calls: 0 }, { text: "", calls: 0 }],
  calls: 0,
  truncated: false,
};

Deno.test("formatResult() writes the chosen text", () => {
  assertEquals(formatResult(RESULT, "text", 0n), "a dog catches");
  assertEquals(formatResult(BLANK, "text", 0n), "");
});

Deno.test("formatResult() writes all candidates on one line, tabs between them", () => {
  assertEquals(formatResult(ALL, "text", 0n), "the dog\ta dog catches");
  assertEquals(formatResult({ ...BLANK, chosen: null }, "text", 0n), "");
});

Deno.test("formatResult() writes the source before the text, without tabs of its own", () => {
  assertEquals(formatResult(RESULT, "tsv", 0n), "dog catch\ta dog catches");
  assertEquals(formatResult(ALL, "tsv", 0n), "dog catch\tthe dog\ta dog catches");
  assertEquals(formatResult({ ...BLANK, chosen: null }, "tsv", 0n), " \t\t");
});

Deno.test("formatResult() writes all that is known as JSON", () => {
  assertEquals(JSON.parse(formatResult(RESULT, "jsonl", 7n)), {
    source: "dog\tcatch",
    text: "a dog catches",
    chosen: 1,
    candidates: [
      { text: "the\tdog", utility: 0.25, log_probability: -0.5 },
      { text: "a dog catches", utility: 0.5, log_probability: -1 },
    ],
    calls: 21,
    seed: 7,
  });
});

Deno.test("formatResult() writes null in JSON for what there is not", () => {
  const blank = { text: "", utility: null, log_probability: null };
  assertEquals(JSON.parse(formatResult(BLANK, "jsonl", 0n)).candidates, [blank, blank]);
  const { text, chosen } = JSON.parse(formatResult(ALL, "jsonl", 0n));
  assertEquals([text, chosen], [null, null]);
});

Deno.test("formatResult() writes all 64 bits of a seed", () => {
  const line = formatResult(BLANK, "jsonl", 2n ** 64n - 1n);
  assertEquals(/"seed":(\d+)}$/.exec(line)?.[1], "18446744073709551615");
});

Deno.test("formatResult() gives the other fields of the input line back, and its own before them", () => {
  const input = { id: 7, source: ["dog", "catch"], text: "mine", nested: { a: [null] }, seed: "s" };
  const { id, source, text, nested, seed } = JSON.parse(formatResult(RESULT, "jsonl", 3n, input));
  assertEquals([id, source, text, nested, seed], [
    7,
    RESULT.source,
    RESULT.text,
    { a: [null] },
    3,
  ]);
});
