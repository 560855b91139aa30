import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { evaluate, type EvaluateOptions } from "../../src/commands/evaluate.ts";
import { ExitCode, UserError } from "../../src/errors.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Writes a file and returns its path. */
async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = `${folder}/${name}`;
  await Deno.writeFile(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return path;
}

const outputs = await file("out.txt", "A dog runs.\n\nThe child sat.\n");
const others = await file("others.txt", "A cat.\nIt rains.\nThe child sat down.\n");
const first = await file("ref0.txt", "A dog runs.\r\nIt rains.\r\nThe child sat.\r\n");
const second = await file("ref1.txt", "The dog ran.\n\nA child sat.");
const data = await file(
  "dev.jsonl",
  ["dog run", "rain", "child sit"].map((source, k) =>
    JSON.stringify({ source, references: [`Reference ${k}.`, "Another."].slice(k % 2) }) + "\n"
  ).join(""),
);

async function run(options: EvaluateOptions): Promise<string> {
  let printed = "";
  await evaluate(options, { stdout: (text) => void (printed += text), stderr: () => {} });
  return printed;
}

// deno-lint-ignore no-explicit-any -- what a program that reads the JSON sees
const runJson = async (options: EvaluateOptions): Promise<any> =>
  JSON.parse(await run({ ...options, json: true }));

async function assertFails(options: EvaluateOptions, code: ExitCode, message: string) {
  const error = await assertRejects(() => run(options), UserError, message);
  assertEquals(error.exitCode, code);
}

Deno.test("evaluate() prints a table of the usual metrics", async () => {
  const text = await run({ hypotheses: [outputs], references: [first, second] });
  assertStringIncludes(text, "3 segments; references: 2");
  for (const name of ["BLEU", "chrF2", "chrF2++", "TER", "ROUGE-1", "ROUGE-Lsum"]) {
    assertStringIncludes(text, `\n${name} `);
  }
  assertStringIncludes(text, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp");
});

Deno.test("evaluate() compares systems with the first", async () => {
  const { systems, bootstrap } = await runJson({
    hypotheses: [outputs, others],
    references: [first],
    metrics: ["bleu"],
    bootstrap: 30,
    seed: 5,
  });
  assertEquals(bootstrap, { resamples: 30, seed: 5 });
  assertEquals(systems.map(({ name }: { name: string }) => name), ["out.txt", "others.txt"]);
  assertEquals(typeof systems[1].scores[0].pValue, "number");
  assertEquals(systems[0].scores[0].pValue, undefined);
});

Deno.test("evaluate() takes sources and reference lists from JSON lines", async () => {
  const { references, systems } = await runJson({
    hypotheses: [outputs],
    data,
    metrics: ["bleu", "coverage"],
  });
  assertEquals(references, "var");
  const [, coverage] = systems[0].scores;
  assertEquals(coverage.details, { pooled: 80, found: 4, concepts: 5 });
});

Deno.test("evaluate() takes pairs from a table, those of a source together", async () => {
  const pairs = await file("dev.tsv", "dog\tA dog runs.\nrain\tIt rains.\ndog\tDogs run.\n");
  const hypotheses = [await file("two.txt", "Dogs run.\nIt rains.\n")];
  const { references, systems } = await runJson({ hypotheses, data: pairs, metrics: ["chrf"] });
  assertEquals(references, "var");
  assertEquals(systems[0].scores[0].score, 100);
});

Deno.test("evaluate() keeps the line breaks between sentences in JSON lines", async () => {
  const text = await file("summary.jsonl", JSON.stringify({ text: "c d\na b" }) + "\n");
  const references = await file(
    "summaries.jsonl",
    JSON.stringify({ source: "a", references: "a b\nc d" }) + "\n",
  );
  const { systems } = await runJson({ hypotheses: [text], data: references, metrics: ["rouge"] });
  const [, , rougeL, rougeLsum] = systems[0].scores;
  assertEquals([rougeL.score, rougeLsum.score], [50, 100]);
});

Deno.test("evaluate() takes candidates from JSON lines", async () => {
  const candidates = await file(
    "candidates.jsonl",
    '{"candidates": ["a b c d", "a b c d"]}\n{"text": "x", "candidates": ["w", "x"]}\n',
  );
  const { systems } = await runJson({
    hypotheses: [candidates],
    metrics: ["self-bleu", "distinct"],
  });
  const [selfBleu, , distinct] = systems[0].scores;
  assertStringIncludes(selfBleu.signature, "set:candidates");
  // Of the chosen texts, "a b c d" and "x", no word is doubled.
  assertEquals(distinct.score, 1);
});

Deno.test("evaluate() scores diversity without references", async () => {
  const { references, systems } = await runJson({ hypotheses: [others], metrics: ["distinct"] });
  assertEquals(references, undefined);
  assertEquals(systems[0].scores.length, 4);
});

Deno.test("evaluate() tells usage errors before it reads", async () => {
  const { usage } = ExitCode;
  await assertFails({ hypotheses: [] }, usage, "--hypotheses");
  await assertFails({ hypotheses: ["absent"] }, usage, 'metric "bleu": give references');
  await assertFails({ hypotheses: ["absent"], references: ["x"], data }, usage, "together");
  await assertFails(
    { hypotheses: ["absent"], references: ["x"], metrics: ["coverage"] },
    usage,
    "give the sources",
  );
});

Deno.test("evaluate() tells which files do not belong together", async () => {
  const short = await file("short.txt", "one\ntwo\n");
  const mismatch = (a: string, b: string) => `Cannot align "${a}" with "${b}": it has 2 lines`;
  await assertFails(
    { hypotheses: [outputs], references: [first, short] },
    ExitCode.data,
    mismatch(short, first),
  );
  await assertFails(
    { hypotheses: [outputs, short], references: [first] },
    ExitCode.data,
    mismatch(short, first),
  );
  await assertFails({ hypotheses: [short], data }, ExitCode.data, mismatch(short, data));
  await assertFails(
    { hypotheses: [outputs, short], metrics: ["distinct"] },
    ExitCode.data,
    mismatch(short, outputs),
  );
});

Deno.test("evaluate() tells what is wrong with a file", async () => {
  const { data: code } = ExitCode;
  const empty = await file("empty.txt", "");
  const broken = await file("broken.txt", Uint8Array.of(0x61, 0x0a, 0xff, 0x0a));
  const notJson = await file("not.jsonl", '{"text": "a"}\nb\n');
  const noText = await file("no_text.jsonl", '{"output": "a"}\n');
  const noReferences = await file("none.jsonl", '{"source": "a", "references": []}\n');
  const one = await file("one.txt", "alone\n");
  const metrics = ["distinct"] as const;
  await assertFails({ hypotheses: [empty], metrics }, code, "it is empty");
  await assertFails({ hypotheses: [broken], metrics }, code, "line 2: the bytes are not UTF-8");
  await assertFails({ hypotheses: [notJson], metrics }, code, "line 2: it is not valid JSON");
  await assertFails({ hypotheses: [noText], metrics }, code, "candidates");
  await assertFails({ hypotheses: [one], data: noReferences }, code, 'line 1: expected field "ref');
  await assertFails({ hypotheses: [`${folder}/absent`], metrics }, code, "no such file");
  await assertFails({ hypotheses: [one], metrics: ["self-bleu"] }, code, "two outputs or more");
});

Deno.test("evaluate() takes an output a row of a table where some sources are equal", async () => {
  const table = await file(
    "dup.tsv",
    "Hi.\tSalut.\nHi.\tBonjour.\nI am tired.\tJe suis fatigué.\n",
  );
  const rows = await file("dup.hyp", "Salut.\nBonjour.\nJe suis fatigué.\n");
  const sources = await file("one.hyp", "Bonjour.\nJe suis fatigué.\n");
  for (const [hypotheses, segments] of [[rows, 3], [sources, 2]] as const) {
    const report = await runJson({ hypotheses: [hypotheses], data: table, metrics: ["chrf"] });
    assertEquals([report.segments, report.systems[0].scores[0].score], [segments, 100]);
  }
});

Deno.test("evaluate() says on standard error where a score misleads", async () => {
  const hypotheses = [await file("zh.hyp", "我喜欢吃苹果。\n")];
  const references = [await file("zh.ref", "我爱吃苹果。\n")];
  let [stdout, stderr] = ["", ""];
  await evaluate({ hypotheses, references, metrics: ["rouge"], json: true }, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  assertEquals(JSON.parse(stdout).segments, 1);
  assertStringIncludes(stderr, "ROUGE sees only the letters a to z");
});

Deno.test("evaluate() takes data as CSV, and as a file of sources beside references", async () => {
  const rows = [["dog, run", "A dog runs."], ["rain", "It rains."], [
    "child sit",
    "The child sat.",
  ]];
  const quoted = rows.map((row) => `${row.map((cell) => `"${cell}"`).join(",")}\n`).join("");
  const sources = await file("sources.txt", rows.map(([source]) => `${source}\n`).join(""));
  const options = { hypotheses: [outputs], metrics: ["bleu", "coverage"] } as const;
  const csv = await runJson({ ...options, data: await file("pairs.csv", quoted) });
  assertEquals(csv.segments, 3);
  const headed = await file("headed.csv", `source,reference\n${quoted}`);
  assertEquals(await runJson({ ...options, data: headed }), csv);
  assertEquals(await runJson({ ...options, data: sources, references: [first] }), csv);
  await assertFails(
    { ...options, data: outputs.replace("out.txt", "pairs.csv"), references: [first] },
    ExitCode.usage,
    "--references and --data together",
  );
  await assertFails(
    { ...options, data: await file("short.txt", "dog\n"), references: [first] },
    ExitCode.data,
    "it has 1 lines and the other 3",
  );
});

Deno.test("evaluate() counts the calls that outputs in JSON say they took", async () => {
  const lines = ["A", "B", "C"].map((text, i) => JSON.stringify({ text, calls: i + 1 }) + "\n");
  const { systems } = await runJson({
    hypotheses: [await file("calls.jsonl", lines.join(""))],
    references: [first],
    metrics: ["bleu"],
  });
  assertEquals([systems[0].calls.mean, systems[0].calls.max], [2, 3]);
});

Deno.test("evaluate() scores each line where it is told to, and what cannot be so is refused", async () => {
  const options = { hypotheses: [outputs], references: [first], sentenceLevel: true };
  const table = await run({ ...options, metrics: ["bleu", "ter"] });
  assertEquals(table, "line\tBLEU\tTER\n1\t100.00\t0.00\n2\t0.00\t100.00\n3\t100.00\t0.00\n");
  await assertFails({ ...options, metrics: ["bleu", "distinct"] }, ExitCode.usage, '"distinct"');
  await assertFails({ ...options, bootstrap: 10 }, ExitCode.usage, "leave out --bootstrap");
});
