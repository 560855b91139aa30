/**
 * Compares src/text with Hugging Face's tokenizers library, live, on every line of every file in a
 * folder of data sets (lines as they are, whatever the format). For each set and kind of tokenizer:
 * whether training gives the same file, and how many lines get other ids or decode to other text.
 *
 *     deno run --allow-read --allow-write=WORK --allow-run=PYTHON \
 *       scripts/oracles/tokenizer_compare.ts DATA WORK PYTHON
 *
 * DATA holds a folder for each set, WORK receives tokenizer files, and PYTHON is an interpreter that
 * has the `tokenizers` package. Exits with 1 where our own encoder differs anywhere.
 */

import { trainBpe } from "../../src/text/bpe_trainer.ts";
import { readLines } from "../../src/text/lines.ts";
import type { NormalizerName } from "../../src/text/normalizer.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";

interface Settings {
  readonly kind: "bpe" | "wordpiece";
  readonly vocabSize: number;
  readonly addPrefixSpace?: boolean;
  readonly normalizers?: readonly NormalizerName[];
}

const SETTINGS: readonly Settings[] = [
  { kind: "bpe", vocabSize: 8000, addPrefixSpace: true },
  { kind: "bpe", vocabSize: 8000, addPrefixSpace: false, normalizers: ["NFC", "Lowercase"] },
  { kind: "wordpiece", vocabSize: 8000 },
];

const ORACLE = new URL("tokenizer_oracle.py", import.meta.url).pathname;
const [data, work, python] = Deno.args as [string, string, string];

/** Gives the oracle texts on its standard input and yields the lines it answers. */
async function* askOracle(command: string, argument: string, texts: readonly string[]) {
  const child = new Deno.Command(python, {
    args: [ORACLE, command, argument],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const questions = ReadableStream.from(texts.map((text) => `${JSON.stringify(text)}\n`));
  const asked = questions.pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
  for await (const { text } of readLines(child.stdout, { maxBytes: 2 ** 26 })) yield text;
  await asked;
  if (!(await child.status).success) throw new Error(`oracle command ${command} failed`);
}

async function readSet(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.isFile) continue;
    const { readable } = await Deno.open(`${folder}/${entry.name}`);
    for await (const { text } of readLines(readable)) lines.push(text);
  }
  return lines;
}

/** Whether two JSON texts mean the same, whatever the order of their keys. */
function sameJson(a: string, b: string): boolean {
  const sorted = (json: string) =>
    JSON.stringify(
      JSON.parse(json),
      (_, value) =>
        value === null || typeof value !== "object" || Array.isArray(value)
          ? value
          : Object.fromEntries(Object.entries(value).sort(([x], [y]) => x < y ? -1 : 1)),
    );
  return sorted(a) === sorted(b);
}

/** Compares one kind of tokenizer on one set; returns the report and whether all is equal. */
async function compare(lines: readonly string[], settings: Settings) {
  let [theirs = ""] = await Array.fromAsync(askOracle("train", JSON.stringify(settings), lines));
  let training = "given";
  if (settings.kind === "bpe") {
    const ours = await trainBpe(lines, settings);
    training = sameJson(ours, theirs) ? "same" : "DIFFERENT";
    theirs = ours;
  }
  const path = `${work}/tokenizer.json`;
  await Deno.writeTextFile(path, theirs);
  const tokenizer = await parseTokenizer(theirs, path);

  const differing = { ids: 0, decoded: 0 };
  const examples: string[] = [];
  let tokens = 0;
  let index = 0;
  for await (const answer of askOracle("encode", path, lines)) {
    const [ids, decoded] = JSON.parse(answer) as [number[], string];
    const line = lines[index++]!;
    const found = tokenizer.encode(line);
    tokens += ids.length;
    if (tokenizer.decode(ids) !== decoded) differing.decoded++;
    if (found.join() === ids.join()) continue;
    differing.ids++;
    if (examples.length < 3) examples.push(line.slice(0, 200));
  }
  if (index !== lines.length) throw new Error(`oracle answered ${index} of ${lines.length} lines`);
  const same = training !== "DIFFERENT" && differing.ids === 0 && differing.decoded === 0;
  return { report: { settings, training, lines: index, tokens, differing, examples }, same };
}

let ok = true;
for await (const set of Deno.readDir(data)) {
  if (!set.isDirectory) continue;
  const lines = await readSet(`${data}/${set.name}`);
  for (const settings of SETTINGS) {
    const { report, same } = await compare(lines, settings);
    ok &&= same || settings.kind !== "bpe";
    const text = `${JSON.stringify({ set: set.name, ...report })}\n`;
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
}
Deno.exit(ok ? 0 : 1);
