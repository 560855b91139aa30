import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { runHere, sharedModel } from "./fake_process.ts";
import { linesOf, withShell } from "./shell.ts";

const WORDS = ["dog", "red", "a", "the", "runs", "field", "on", "house", "and", "sees"];

/** Lines of one to six words, no two alike, with a blank one here and there. */
const LINES = Array.from({ length: 70 }, (_, i) => {
  if (i % 17 === 5) return "";
  return Array.from({ length: 1 + (i % 6) }, (_, k) => WORDS[(i * 7 + k * 3 + (i >> 3)) % 10])
    .join(" ") + ` ${i}`;
});
const TEXT = `${LINES.join("\n")}\n`;
const GENERATE = "ardiff generate --model model --device cpu --steps 3";

/** What the program writes for lines, with options that are added to those of all tests here. */
function generated(text: string | Uint8Array<ArrayBuffer>, options = "") {
  const [, ...words] = `${GENERATE} ${options}`.trim().split(" ");
  const args = words.map((word) => word === "model" ? sharedModel() : word);
  return runHere(args, { stdin: text });
}

Deno.test("ardiff generate writes the same text for any batch size, threads and order", async () => {
  const { code, stdout, stderr } = await generated(TEXT, "--batch-size 7");
  assertEquals([code, stderr], [0, ""]);
  const lines = linesOf(stdout);
  assertEquals(lines.length, LINES.length);
  LINES.forEach((line, i) => {
    if (line === "") assertEquals(lines[i], "", "an empty line gives an empty line");
  });
  assert(new Set(lines).size > 30, "texts depend on their lines");
  for (const options of ["--batch-size 1", "--batch-size 64", "--batch-size 64 --threads 1"]) {
    assertEquals((await generated(TEXT, options)).stdout, stdout, options);
  }
  const reversed = await generated(`${LINES.toReversed().join("\n")}\n`);
  assertEquals(linesOf(reversed.stdout), lines.toReversed());
  assertNotEquals((await generated(TEXT, "--seed 1")).stdout, stdout);
});

Deno.test(
  "ardiff generate works with pipes, tee, timeout and redirection",
  withShell(async ({ folder, run, write }) => {
    write("in", TEXT);
    const expected = (await generated(TEXT)).stdout;
    const piped = await run(`
      set -o pipefail
      cat in | timeout 100 ${GENERATE} | tee copy | cat
    `);
    assertEquals([piped.code, piped.stdout], [0, expected]);
    assertEquals(Deno.readTextFileSync(`${folder}/copy`), expected);
    const redirected = await run(
      `${GENERATE} < in > out && ${GENERATE} -i in -o file && cmp out file`,
    );
    assertEquals([redirected.code, redirected.stdout], [0, ""]);
    assertEquals(Deno.readTextFileSync(`${folder}/file`), expected);
  }),
);

Deno.test(
  "ardiff generate in shards, under xargs -P, writes what one process writes",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    const expected = (await generated(TEXT)).stdout;
    const { code, stdout, stderr } = await run(`
      seq 3 | xargs -P 2 -I{} ${GENERATE} --input in --shard {}/3 --output out.{} && cat out.1 out.2 out.3
    `);
    assertEquals([code, stderr, stdout], [0, "", expected]);
    // Line by line, each in a process of its own.
    const single = await run(`
      head -3 in | xargs -P 2 -I{} sh -c 'echo "{}" | ${GENERATE} --output "single {}"'
      head -3 in | xargs -I{} cat "single {}"
    `);
    assertEquals(linesOf(single.stdout), linesOf(expected).slice(0, 3));
  }),
);

Deno.test(
  "ardiff generate ends quietly where head has read enough",
  withShell(async ({ run, write }) => {
    write("in", TEXT.repeat(20));
    const { code, stdout, stderr } = await run(`
      ${GENERATE} --input in | head -1
      exit "\${PIPESTATUS[0]}"
    `);
    assertEquals([code, linesOf(stdout).length, stderr], [0, 1, ""]);
  }),
);

Deno.test(
  "ardiff generate tells of a full disk",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    const { code, stderr } = await run(`${GENERATE} --input in > /dev/full`);
    assertEquals(code, 7);
    assertMatch(stderr, /^Error: Cannot write to standard output: No space left on device.*\n$/);
    for (const words of ["--help", "doctor", 'mbr <<<\'{"candidates": ["a"]}\'']) {
      const { code, stderr } = await run(`ardiff ${words} > /dev/full`);
      assertEquals(code, 7, `${words}: ${stderr}`);
    }
  }),
);

Deno.test("ardiff generate reports damaged input by line, and goes on", async () => {
  const encoder = new TextEncoder();
  const damaged = await generated(
    Uint8Array.of(...encoder.encode("a dog\nthe "), 0xff, ...encoder.encode(" red\r\na\n")),
  );
  assertEquals([damaged.code, linesOf(damaged.stdout).length], [0, 3]);
  assertMatch(damaged.stderr, /^Line 2: .*UTF-8/);
  assertEquals(linesOf(damaged.stderr).length, 1);
  const long = await generated(`${"dog ".repeat(200)}\n`.repeat(5));
  assertEquals([long.code, linesOf(long.stdout).length], [0, 5]);
  assertMatch(long.stderr, /^5 lines were over \d+ tokens and cut to that\.\n$/);
});

Deno.test("ardiff generate takes a last line without a line break, and no line at all", async () => {
  const whole = await generated("a dog\nthe red house\n");
  const cut = await generated("a dog\nthe red house");
  assertEquals(cut.stdout, whole.stdout);
  assertEquals((await generated("")).stdout, "");
  assertEquals((await generated("\n\n")).stdout, "\n\n");
});

Deno.test(
  "ardiff generate writes first results while its input is open",
  withShell(async ({ folder }) => {
    const process = new Deno.Command(`${folder}/bin/ardiff`, {
      args: GENERATE.split(" ").slice(1),
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const input = process.stdin.getWriter();
    const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await input.write(new TextEncoder().encode("a dog\n"));
    const first = await output.read(); // would wait for ever if the end of input were needed
    assertMatch(first.value ?? "", /\n$/);
    await input.write(new TextEncoder().encode("\n"));
    assertEquals((await output.read()).value, "\n");
    await input.close();
    assertEquals([(await output.read()).done, (await process.status).code], [true, 0]);
  }),
);
