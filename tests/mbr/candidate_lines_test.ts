import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseCandidateLine } from "../../src/mbr/candidate_lines.ts";

const parse = (text: string) =>
  parseCandidateLine({ number: 7, text, invalid: false, truncated: false }, "c.jsonl");

Deno.test("parseCandidateLine() reads strings", () => {
  assertEquals(parse('{"candidates": ["a b", ""], "id": 3}'), {
    texts: ["a b", ""],
    details: [{ text: "a b" }, { text: "" }],
    fields: { id: 3 },
  });
});

Deno.test("parseCandidateLine() reads objects and keeps what else they hold", () => {
  assertEquals(parse('{"candidates": [{"text": "a", "seed": 1}, "b"], "weights": [0, 0.5]}'), {
    texts: ["a", "b"],
    details: [{ text: "a", seed: 1 }, { text: "b" }],
    fields: {},
    weights: [0, 0.5],
  });
});

Deno.test("parseCandidateLine() puts a candidate with line breaks on one line", () => {
  assertEquals(parse('{"candidates": ["a\\r\\nb"]}').texts, ["a b"]);
});

const flaws: readonly (readonly [string, string])[] = [
  ['{"candidates": ["a"', "it is not valid JSON"],
  ["[1]", "expected a JSON object"],
  ["null", "expected a JSON object"],
  ["{}", 'expected field "candidates" to be a list'],
  ['{"candidates": "a"}', 'expected field "candidates" to be a list'],
  ['{"candidates": []}', "expected at least one text"],
  ['{"candidates": ["a", 5]}', "expected candidate 2 to be a string"],
  ['{"candidates": ["a", null]}', "expected candidate 2 to be a string"],
  ['{"candidates": [{"txt": "a"}]}', "expected candidate 1 to be a string"],
  ['{"candidates": ["a"], "weights": [1, 2]}', "to be 1 numbers"],
  ['{"candidates": ["a"], "weights": 1}', "to be 1 numbers"],
  ['{"candidates": ["a"], "weights": ["1"]}', "to be 1 numbers"],
  ['{"candidates": ["a", "b"], "weights": [1, -1]}', "none negative"],
  ['{"candidates": ["a", "b"], "weights": [1, 1e999]}', "to be 2 numbers"],
  ['{"candidates": ["a", "b"], "weights": [0, 0]}', "not all 0"],
];

for (const [text, flaw] of flaws) {
  Deno.test(`parseCandidateLine() refuses ${text}`, () => {
    const error = assertThrows(() => parse(text), UserError, flaw);
    assertEquals(error.message.startsWith('Cannot read "c.jsonl", line 7: '), true);
    assertEquals(error.exitCode, 3);
  });
}
