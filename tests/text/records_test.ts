import { assertEquals, assertRejects } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { openFile } from "../../src/text/data_lines.ts";
import { parseDataSpec } from "../../src/text/data_spec.ts";
import type { Pair } from "../../src/text/data_spec.ts";
import { readPairs, readReferences } from "../../src/text/records.ts";
import { type Content, filesOf } from "./streams.ts";

type Files = Readonly<Record<string, Content>>;
type Table = Readonly<Record<string, unknown>>;

const TEXT = { format: "text", source_file: "a.src", target_file: "a.tgt" };
const TSV = { format: "tsv", file: "a.tsv" };
const CSV = { format: "csv", file: "a.csv", source: "mr", target: "ref" };
const JSONL = { format: "jsonl", file: "a.jsonl", target: "references" };

async function pairsOf(table: Table, files: Files): Promise<Pair[]> {
  return await Array.fromAsync(readPairs(parseDataSpec(table, "data"), filesOf(files)));
}

function pair(source: string, target: string, line: number): Pair {
  return { source, target, line };
}

async function assertDataError(table: Table, files: Files, message: string): Promise<void> {
  const error = await assertRejects(() => pairsOf(table, files), UserError, message);
  assertEquals(error.exitCode, ExitCode.data);
}

Deno.test("readPairs() pairs aligned files line by line", async () => {
  const files = { "a.src": "one\ntwo\n\n", "a.tgt": "un\r\ndeux\r\ntrois" };
  const expected = [pair("one", "un", 1), pair("two", "deux", 2), pair("", "trois", 3)];
  assertEquals(await pairsOf(TEXT, files), expected);
});

Deno.test("readPairs() gives both counts of misaligned files", async () => {
  const message = 'Cannot align "a.src" with "a.tgt": 2 lines against 4';
  await assertDataError(TEXT, { "a.src": "1\n2\n", "a.tgt": "1\n2\n3\n4" }, message);
  const reverse = 'Cannot align "a.src" with "a.tgt": 3 lines against 0';
  await assertDataError(TEXT, { "a.src": "1\n2\n3\n", "a.tgt": "" }, reverse);
});

Deno.test("readPairs() reads columns of TSV by number or name", async () => {
  const files = { "a.tsv": 'en\tid\tfr\nHi "you".\t7\tSalut.\n\nBye\t8\tAu revoir\n' };
  const expected = [pair('Hi "you".', "Salut.", 2), pair("Bye", "Au revoir", 4)];
  assertEquals(await pairsOf({ ...TSV, source: "en", target: "fr" }, files), expected);
  assertEquals(await pairsOf({ ...TSV, target: 3, header: true }, files), expected);
  assertEquals((await pairsOf({ ...TSV, source: 3, target: 1 }, files))[0], pair("fr", "en", 1));
});

Deno.test("readPairs() reads quoted CSV fields and puts them on one line", async () => {
  const csv = 'mr,ref\r\n"name[A], area[B]","Two\r\n  lines, ""quoted""."\r\n\r\nx,a "b" c\r\n';
  const expected = [
    pair("name[A], area[B]", 'Two lines, "quoted".', 2),
    pair("x", 'a "b" c', 5),
  ];
  assertEquals(await pairsOf(CSV, { "a.csv": csv }), expected);
  const semicolons = "\ufeffref;mr\ny;x\n";
  const spec = { ...CSV, delimiter: ";" };
  assertEquals(await pairsOf(spec, { "a.csv": semicolons }), [pair("x", "y", 2)]);
});

Deno.test("readPairs() gives a pair for each reference of a JSON line", async () => {
  const files = {
    "a.jsonl": '{"source": ["First.", "Second."], "references": ["a", "b\\nc"]}\n\n' +
      '{"source": "x", "references": "y"}',
  };
  const expected = [
    pair("First. Second.", "a", 1),
    pair("First. Second.", "b c", 1),
    pair("x", "y", 3),
  ];
  assertEquals(await pairsOf(JSONL, files), expected);
});

Deno.test("readPairs() finds JSON fields by path", async () => {
  const spec = { ...JSONL, source: "translation.en", target: "translation.fr" };
  const files = { "a.jsonl": '{"translation": {"en": "Hi", "fr": "Salut"}}\n' };
  assertEquals(await pairsOf(spec, files), [pair("Hi", "Salut", 1)]);
});

Deno.test("readPairs() names the file and line of damage", async () => {
  const badBytes = [0x61, 0x09, 0x62, 0x0a, 0x61, 0x09, 0xff, 0x0a];
  const cases: readonly (readonly [table: Table, files: Files, message: string])[] = [
    [TSV, { "a.tsv": badBytes }, 'Cannot read "a.tsv", line 2: the bytes are not UTF-8'],
    [TSV, { "a.tsv": "a\tb\nc\n" }, 'Cannot read "a.tsv", line 2: expected at least 2 columns'],
    [TSV, {}, 'Cannot read "a.tsv": there is no such file'],
    [TEXT, { "a.src": "1\n" }, 'Cannot read "a.tgt": there is no such file'],
    [CSV, { "a.csv": "mr,text\n1,2\n" }, 'its header has no column "ref", only mr, text'],
    [CSV, { "a.csv": 'mr,ref\n1,2\n\n3,"4\n5,6\n' }, 'Cannot read "a.csv", line 4: it is not'],
    [CSV, { "a.csv": [...badBytes] }, 'Cannot read "a.csv", line 2: the bytes are not UTF-8'],
    [CSV, {}, 'Cannot read "a.csv": there is no such file'],
    [JSONL, { "a.jsonl": "\n{]\n" }, 'Cannot read "a.jsonl", line 2: it is not valid JSON'],
    [
      JSONL,
      { "a.jsonl": '{"source": "x"}' },
      'line 1: there is no field "references"; what is there: "source"',
    ],
    [JSONL, { "a.jsonl": '"text"' }, 'line 1: there is no field "source"'],
    [JSONL, { "a.jsonl": '{"source": 5}' }, 'expected field "source" to be a string or a list'],
    [JSONL, { "a.jsonl": '{"source": "x", "references": []}' }, 'field "references"'],
  ];
  for (const [table, files, message] of cases) await assertDataError(table, files, message);
});

Deno.test("readPairs() refuses an empty set", async () => {
  await assertDataError(TSV, { "a.tsv": "\n" }, 'Cannot use "a.tsv" as data: there is no example');
  await assertDataError(TEXT, { "a.src": "", "a.tgt": "" }, 'Cannot use "a.src" as data');
  await assertDataError(CSV, { "a.csv": "mr,ref\n" }, 'Cannot use "a.csv" as data');
});

Deno.test("readReferences() keeps lists together", async () => {
  const files = { "a.jsonl": '{"source": "x", "references": ["1", "2"]}\n' };
  const examples = await Array.fromAsync(
    readReferences(parseDataSpec(JSONL, "data"), filesOf(files)),
  );
  assertEquals(examples, [{ source: "x", references: ["1", "2"], line: 1 }]);
});

Deno.test("readReferences() joins equal sources only when told to", async () => {
  const open = filesOf({ "a.tsv": "x\t1\ny\t2\nx\t3\n" });
  const joined = readReferences(parseDataSpec({ ...TSV, group_sources: true }, "data"), open);
  assertEquals(await Array.fromAsync(joined), [
    { source: "x", references: ["1", "3"], line: 1 },
    { source: "y", references: ["2"], line: 2 },
  ]);
  const apart = readReferences(parseDataSpec(TSV, "data"), open);
  assertEquals((await Array.fromAsync(apart)).length, 3);
});

Deno.test("readPairs() closes its files when reading stops early", async () => {
  const folder = await Deno.makeTempDir();
  const path = (name: string) => `${folder}/${name}`;
  await Deno.writeTextFile(path("a"), "mr,ref\nx,y\n".repeat(20_000));
  const tables = [
    { ...TEXT, source_file: path("a"), target_file: path("a") },
    { ...TSV, file: path("a"), delimiter: "," },
    { ...CSV, file: path("a") },
  ];
  // The test runner fails a test that leaves a file open.
  for (const table of tables) {
    for await (const _ of readPairs(parseDataSpec(table, "data"), openFile)) break;
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readPairs() reports what is no file", async () => {
  const folder = await Deno.makeTempDir();
  const spec = parseDataSpec({ format: "tsv", file: folder }, "data");
  await assertRejects(() => Array.fromAsync(readPairs(spec)), UserError, `Cannot read "${folder}"`);
  await Deno.remove(folder);
});

Deno.test("readPairs() refuses rows of CSV with other numbers of cells, by their line", async () => {
  const plain = { ...CSV, source: 1, target: 2, header: true };
  const message = '"a.csv", line 2: expected 2 cells as in the first row, found 3';
  await assertDataError(plain, { "a.csv": "en,fr\nHello, world,Bonjour\n" }, message);
  await assertDataError(plain, { "a.csv": 'en,fr\n"a",b\nalone\n' }, "line 3: expected 2 cells");
  // Of a table with tabs, further columns are passed over as ever.
  assertEquals((await pairsOf(TSV, { "a.tsv": "a\tb\tc\nd\te\n" })).length, 2);
});

Deno.test("readPairs() recognises UTF-16 and NUL bytes", async () => {
  const utf16 = (
    text: string,
    mark: number[],
  ) => [...mark, ...Array.from(text, (c) => [c.charCodeAt(0), 0]).flat()];
  for (const mark of [[0xff, 0xfe], []]) {
    const message = 'Cannot read "a.tsv", line 1: it has NUL bytes or the mark of UTF-16';
    await assertDataError(TSV, { "a.tsv": utf16("one\tun\n", mark) }, message);
  }
  const chinese = [0xff, 0xfe, 0x60, 0x4f, 0x7d, 0x59];
  await assertDataError(TSV, { "a.tsv": chinese }, "iconv -f UTF-16 -t UTF-8");
  await assertDataError(TSV, { "a.tsv": "a\tb\nc\0\td\n" }, "line 2: it has NUL bytes");
});
