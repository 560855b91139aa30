import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { mbr, type MbrOptions } from "../../src/commands/mbr.ts";
import { UserError } from "../../src/errors.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { readOracle } from "./oracle.ts";
import { randomCandidates } from "./random_candidates.ts";

/** What the command writes for an input, and what it throws. */
async function run(input: string, options: MbrOptions = {}) {
  const written: string[] = [];
  let error: unknown;
  try {
    await mbr(options, {
      stdin: ReadableStream.from([new TextEncoder().encode(input)]),
      stdout: (text) => void written.push(text),
    });
  } catch (thrown) {
    error = thrown;
  }
  return { output: written.join(""), error };
}

Deno.test("mbr() writes the chosen candidate of every line", async () => {
  const { selections } = readOracle();
  const input = selections.map((line) => `${JSON.stringify(line)}\n`).join("\n");
  for (const utility of ["bleu", "rouge-l"] as const) {
    const { output } = await run(input, { utility });
    const expected = selections.map((line) => `${line.candidates[line[utility].index]}\n`);
    assertEquals(output, expected.join(""));
  }
});

Deno.test("mbr() writes every candidate with its score as JSON lines", async () => {
  const candidates = ["blue sky", { text: "a dog runs", seed: 4 }, "a dog runs"];
  const { output } = await run(JSON.stringify({ id: "a1", candidates, other: [1] }), {
    utility: "token-f1",
    format: "jsonl",
  });
  assertEquals(JSON.parse(output), {
    id: "a1",
    other: [1],
    text: "a dog runs",
    index: 1,
    utility: 0.5,
    candidates: [
      { text: "blue sky", utility: 0 },
      { text: "a dog runs", seed: 4, utility: 0.5 },
      { text: "a dog runs", utility: 0.5 },
    ],
  });
});

Deno.test("mbr() writes the same with threads, in order", async () => {
  const lines = Array.from(
    { length: 30 },
    (_, seed) => JSON.stringify({ candidates: randomCandidates(seed, seed % 4 === 0 ? 3 : 50) }),
  );
  const input = lines.join("\n");
  const alone = await run(input, { format: "jsonl" });
  const together = await run(input, { format: "jsonl", threads: 3 });
  assertEquals(together, alone);
  assertEquals(alone.output.split("\n").length, 31);
});

Deno.test("mbr() uses the method it is given", async () => {
  const { candidates } = { candidates: randomCandidates(5, 60) };
  const input = JSON.stringify({ candidates });
  const score = async (mbrMethod: "exact" | "aggregate" | "prune") => {
    const { output } = await run(input, { mbrMethod, format: "jsonl" });
    return (JSON.parse(output) as { utility: number }).utility;
  };
  const exact = await score("exact");
  for (const method of ["aggregate", "prune"] as const) {
    const other = await score(method);
    assertAlmostEquals(other, exact, 0.1);
    assertEquals(other === exact, false);
  }
});

Deno.test("mbr() reports a bad line by its number after the results before it", async () => {
  const { output, error } = await run('{"candidates": ["a"]}\n\n{"candidates": 1}\n');
  assertEquals(output, "a\n");
  assertEquals(error instanceof UserError && error.exitCode, 3);
  assertEquals(
    error instanceof UserError && error.message,
    'Cannot read "standard input", line 3: expected field "candidates" to be a list',
  );
});

Deno.test("mbr() refuses to aggregate ROUGE-L", async () => {
  const { error } = await run("", { utility: "rouge-l", mbrMethod: "aggregate" });
  assertEquals(error instanceof UserError && error.exitCode, 2);
});

Deno.test("mbr() reads and writes files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [input, output] = [`${folder}/candidates.jsonl`, `${folder}/chosen.txt`];
    await Deno.writeTextFile(input, '{"candidates": ["a"]}\n{"candidates": ["b"]}\n');
    assertEquals(await run("ignored", { input: [input], output }), {
      output: "",
      error: undefined,
    });
    assertEquals(await Deno.readTextFile(output), "a\nb\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mbr() names files it cannot use", async () => {
  const missing = await run("", { input: ["/nowhere/in.jsonl"] });
  assertEquals(missing.error instanceof UserError && missing.error.exitCode, 3);
  const unwritable = await run("", { output: "/nowhere/out.txt" });
  assertEquals(unwritable.error instanceof UserError && unwritable.error.exitCode, 7);
});

Deno.test("mbr() stops when its output does", async () => {
  const lines = ReadableStream.from((async function* () {
    for (;;) yield await Promise.resolve(new TextEncoder().encode('{"candidates": ["a"]}\n'));
  })());
  const stdout = () => Promise.reject(new Deno.errors.BrokenPipe("gone"));
  await assertRejects(() => mbr({}, { stdin: lines, stdout }), Deno.errors.BrokenPipe);
});

Deno.test(
  "mbr() may read and write one file, and leaves an older output where its input is missing",
  withFolder(async (folder) => {
    const path = `${folder}/lines`;
    Deno.writeTextFileSync(path, '{"candidates": ["a b"]}\n');
    await run("", { input: [path], output: path });
    assertEquals(Deno.readTextFileSync(path), "a b\n");
    const { error } = await run("", { input: [`${folder}/none`], output: path });
    assert(error instanceof UserError);
    assertEquals(Deno.readTextFileSync(path), "a b\n");
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["lines"]);
  }),
);

Deno.test(
  "mbr() takes a file for each seed, of texts or of JSON lines",
  withFolder(async (folder) => {
    const files = ["a b\nx y\n", "a b c\nx\n", "d\nx y z\n"].map((text, i) => {
      Deno.writeTextFileSync(`${folder}/${i}.txt`, text);
      const json = text.trimEnd().split("\n").map((line, n) =>
        `${JSON.stringify({ id: n, text: line, seed: i })}\n`
      );
      Deno.writeTextFileSync(`${folder}/${i}.jsonl`, json.join(""));
      return `${folder}/${i}`;
    });
    const options = { utility: "token-f1" } as const;
    const texts = await run("", { ...options, input: files.map((path) => `${path}.txt`) });
    assertEquals(texts, { output: "a b\nx y\n", error: undefined });
    const input = files.map((path) => `${path}.jsonl`);
    const { output } = await run("", { ...options, input, format: "jsonl" });
    const [first] = output.split("\n").map((line) => line && JSON.parse(line));
    assertEquals([first.text, first.candidates[0].seed, first.candidates[2].seed], ["a b", 0, 2]);
    Deno.writeTextFileSync(`${folder}/short.txt`, "one\n");
    const short = await run("", { input: [`${folder}/0.txt`, `${folder}/short.txt`] });
    assertEquals(short.output.split("\n").length, 2, "the lines before it");
    assert(short.error instanceof UserError && short.error.exitCode === 3);
    assert(short.error.message.includes('short.txt" with'), short.error.message);
  }),
);

Deno.test("mbr() takes n-best lists, and refuses those that would shift", async () => {
  const list = "0 ||| a b ||| LM= -1 ||| -2.5\n0 ||| a b c ||| LM= -1 ||| -3\n0 ||| d\n1 ||| x\n";
  const options = { inputFormat: "nbest", utility: "token-f1" } as const;
  assertEquals(await run(list, options), { output: "a b\nx\n", error: undefined });
  const { output } = await run(list, { ...options, format: "jsonl" });
  const [first] = output.split("\n").map((line) => line && JSON.parse(line));
  assertEquals([first.id, first.candidates.map(({ score }: { score?: number }) => score)], [
    "0",
    [-2.5, -3, undefined],
  ]);
  const message = async (text: string) => {
    const { error } = await run(text, options);
    assert(error instanceof UserError && error.exitCode === 3);
    return error.message;
  };
  assert((await message("0 ||| a\n2 ||| b\n")).includes("line 2: id 2 follows 0: expected 1;"));
  assert((await message("no list\n")).includes('line 1: expected "ID ||| TEXT"'));
});

Deno.test(
  "mbr() takes scores of something else for a utility",
  withFolder(async (folder) => {
    const scores = `${folder}/scores.jsonl`;
    const input = '{"candidates": ["a", "long and wordy", "b"]}\n{"candidates": ["x", "x", "y"]}\n';
    const first = "[[1, 0.5, 0.9], [0, 1, 0], [0.2, 0.3, 1]]\n";
    Deno.writeTextFileSync(scores, `${first}{"scores": [[9, 9, -5], [9, 9, -5], [2, 2, 9]]}\n`);
    const options = { utilityScores: scores, threads: 2 };
    assertEquals(await run(input, options), { output: "a\nx\n", error: undefined });
    const { output } = await run(input, { ...options, format: "jsonl" });
    const [one, two] = output.split("\n").map((line) => line && JSON.parse(line));
    assertEquals([one.utility, two.candidates[2].utility], [0.7, 2]);
    const fails = async (text: string, flaw: string) => {
      Deno.writeTextFileSync(scores, text);
      const { error } = await run(input, options);
      assert(error instanceof UserError && error.message.includes(flaw), String(error));
      return error.exitCode;
    };
    assertEquals(await fails(first, "it has fewer lines than there are inputs"), 3);
    assertEquals(await fails("[[1]]\n", "line 1: expected a list of 3 lists of 3 numbers"), 3);
    await fails(`${first}${first}${first}`, "line 3: it has more lines");
    await fails('[[1, 2, 3], [1, 2, 3], [1, 2, "3"]]\n', "line 1: expected a list");
    const refused = async (other: MbrOptions, flaw: string) => {
      const { error } = await run(input, { ...options, ...other });
      assert(error instanceof UserError && error.message.includes(flaw), String(error));
      assertEquals(error.exitCode, 2);
    };
    await refused({ mbrMethod: "prune" }, 'choose "exact"');
    await refused({ utilityScores: "-" }, "Cannot read standard input twice");
    await refused({ inputFormat: "text" }, "name a file for each seed");
  }),
);
