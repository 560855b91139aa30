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
    assertEquals(await run("ignored", { input, output }), { output: "", error: undefined });
    assertEquals(await Deno.readTextFile(output), "a\nb\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mbr() names files it cannot use", async () => {
  const missing = await run("", { input: "/nowhere/in.jsonl" });
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
    await run("", { input: path, output: path });
    assertEquals(Deno.readTextFileSync(path), "a b\n");
    const { error } = await run("", { input: `${folder}/none`, output: path });
    assert(error instanceof UserError);
    assertEquals(Deno.readTextFileSync(path), "a b\n");
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["lines"]);
  }),
);
