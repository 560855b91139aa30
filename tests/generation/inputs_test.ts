import { assertEquals } from "@std/assert";
import { type InputOptions, readInputs } from "../../src/generation/inputs.ts";
import { readLines } from "../../src/text/lines.ts";
import { type Content, streamOf } from "../text/streams.ts";

/** The inputs in some bytes, and what was said about them. */
async function read(content: Content, options: Partial<InputOptions> = {}) {
  const notes: [string, number, string][] = [];
  const found = await Array.fromAsync(readInputs(readLines(streamOf(content)), {
    inputFormat: "text",
    field: "source",
    onDamage: (line, flaw) => notes.push(["damage", line, flaw]),
    onFailure: (line, flaw) => notes.push(["failure", line, flaw]),
    ...options,
  }));
  return { inputs: found.map(({ source }) => source), notes };
}

Deno.test("readInputs() gives each line of text, blank ones too", async () => {
  assertEquals(await read("one\n\n{}\n"), { inputs: ["one", "", "{}"], notes: [] });
});

Deno.test("readInputs() tells the number of a line that is not UTF-8", async () => {
  const { inputs, notes } = await read([97, 10, 98, 0xff, 10, 99]);
  assertEquals(inputs, ["a", "b\uFFFD", "c"]);
  assertEquals(notes.map(([kind, line]) => [kind, line]), [["damage", 2]]);
});

Deno.test("readInputs() takes a field of JSON objects, nested or a list", async () => {
  const json = '{"a": {"b": "one"}}\n{"a": {"b": ["two", "x\\ny"]}}\n\n{"a.b": "three"}\n';
  assertEquals(await read(json, { inputFormat: "jsonl", field: "a.b" }), {
    inputs: ["one", "two x y", "", "three"],
    notes: [],
  });
});

Deno.test("readInputs() gives an empty input for JSON that holds none, and says why", async () => {
  const json = '{"source": "one"}\n{"source": 1}\n{}\n{"source\n[]\n{"source": "two"}\n';
  const { inputs, notes } = await read(json, { inputFormat: "jsonl" });
  assertEquals(inputs, ["one", "", "", "", "", "two"]);
  assertEquals(notes.map(([kind, line]) => [kind, line]), [
    ["failure", 2],
    ["failure", 3],
    ["failure", 4],
    ["failure", 5],
  ]);
  assertEquals(notes[0]![2], 'expected field "source" to be a string or a list of strings');
  assertEquals(notes[1]![2], 'there is no field "source"');
});

Deno.test("readInputs() gives the object of each line of JSON, whether it can be used or not", async () => {
  const silent = { onDamage: () => {}, onFailure: () => {} };
  const lines = readLines(streamOf('{"id": 7, "source": "one"}\n\n{"id": 8}\n[1]\n'));
  const inputs = readInputs(lines, { inputFormat: "jsonl", field: "source", ...silent });
  assertEquals(
    (await Array.fromAsync(inputs)).map(({ record }) => record),
    [{ id: 7, source: "one" }, {}, { id: 8 }, {}],
  );
});

Deno.test("readInputs() takes what lines of JSON ask of their texts, and says what it cannot take", async () => {
  const flaws: string[] = [];
  const lines = [
    '{"source": "a", "prefix": "the ", "avoid": ["b", "c d"], "min_length": 2, "max_length": 9}',
    '{"source": "a", "prefix": null, "avoid": "b"}',
    '{"source": "a", "prefix": 7}',
    '{"source": "a", "avoid": [""]}',
    '{"source": "a", "max_length": 1.5}',
  ];
  const inputs = readInputs(readLines(streamOf(lines.join("\n"))), {
    inputFormat: "jsonl",
    field: "source",
    onDamage: () => {},
    onFailure: (_, flaw) => flaws.push(flaw),
  });
  const found = (await Array.fromAsync(inputs)).map(({ record: _, ...input }) => input);
  assertEquals(found, [
    { source: "a", prefix: "the ", avoid: ["b", "c d"], minLength: 2, maxLength: 9 },
    { source: "a", avoid: ["b"] },
    { source: "" },
    { source: "" },
    { source: "" },
  ]);
  assertEquals(flaws, [
    'expected field "prefix" to be a string',
    'expected field "avoid" to be a word or a list of words',
    'expected field "max_length" to be a whole number, 0 or more',
  ]);
});
