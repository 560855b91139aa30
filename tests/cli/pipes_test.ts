/** The program among the other programs of a shell: what it is piped to, cut off by and shown on. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runHere, sharedModel } from "./fake_process.ts";
import { linesOf, withShell } from "./shell.ts";

const WORDS = ["dog", "red", "a", "the", "runs", "field", "on", "house", "and", "sees"];
const LINES = Array.from({ length: 40 }, (_, i) => {
  if (i % 13 === 6) return "";
  return Array.from({ length: 1 + (i % 5) }, (_, k) => WORDS[(i * 7 + 3 * k) % 10]).join(" ");
});
const TEXT = LINES.map((line) => `${line}\n`).join("");
const GENERATE = "ardiff generate -m model --device cpu --steps 2";

/** Whether the shell has a program; what needs one that is rare is left out elsewhere. */
function has(program: string): boolean {
  return new Deno.Command("bash", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .outputSync().success;
}

Deno.test(
  "a pipeline generates, keeps a copy, chooses and scores",
  withShell(async ({ run, write }) => {
    const sources = LINES.filter((line) => line !== "");
    const record = (source: string) => `${JSON.stringify({ source, references: ["the dog"] })}\n`;
    write("dev.jsonl", sources.map(record).join(""));
    const { code, stdout, stderr } = await run(`
      set -o pipefail
      ${GENERATE} -i dev.jsonl --input-format jsonl -k 4 --select first --format jsonl |
        tee all.jsonl | ardiff mbr --utility chrf | tee chosen.txt | wc -l
      ${GENERATE} -i dev.jsonl --input-format jsonl -k 4 --utility chrf | cmp - chosen.txt
      ardiff evaluate --hypotheses all.jsonl chosen.txt --data dev.jsonl --json | grep -c '"BLEU"'
    `);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(linesOf(stdout).map(Number), [sources.length, 2]);
  }),
);

Deno.test(
  "pieces of an input, each in a process of its own, join to the whole",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    const { code, stdout, stderr } = await run(`
      set -e
      ${GENERATE} -i in > whole
      # As "parallel --pipe --keep-order" does it.
      split -n l/4 in piece.
      ls piece.?? | xargs -P 4 -I{} sh -c '${GENERATE} < {} > out.{}'
      cat out.piece.?? | cmp - whole
      # As a job array does it.
      for i in 1 2 3; do cat in | ${GENERATE} --shard $i/3 > shard.$i & done
      wait
      cat shard.? | cmp - whole
      paste in whole | wc -l
    `);
    assertEquals([code, stderr, stdout.trim()], [0, "", String(LINES.length)]);
  }),
);

Deno.test(
  "timeout ends a run that waits for input: what was finished is out, and the code says why",
  withShell(async ({ run }) => {
    // However slow the machine: more time until there is output.
    const { code, stdout, stderr } = await run(`
      open_input() { printf "$1"; exec sleep 40 2> /dev/null; }
      end_after_output() {
        for seconds in 2 4 8 16 32; do
          timeout $1 $seconds ${GENERATE} < <(open_input "$2") > out 2> messages
          code=$?
          [ ! -s out ] || break
        done
        echo "$code $(wc -l < out)"
        cat messages >&2
      }
      end_after_output "" 'a dog\\n'
      end_after_output --preserve-status '\\n'
    `);
    assertEquals([code, linesOf(stdout)], [0, ["124 1", "143 1"]]);
    assertEquals(linesOf(stderr), Array(2).fill("Error: Stopped by SIGTERM"));
  }),
);

Deno.test(
  "a reader that leaves ends every command quietly",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    write("candidates", '{"candidates": ["a cat sat", "a cat sits"]}\n'.repeat(5000));
    for (
      const [command, reader] of [
        [`${GENERATE} -i in`, "head -1"],
        [`${GENERATE} -i in --format jsonl -k 2`, "head -1"],
        [`${GENERATE} -i in`, "true"],
        ["ardiff mbr -i candidates", "head -1"],
        ["ardiff generate --help", "true"],
      ]
    ) {
      const { code, stderr } = await run(`${command} | ${reader} > /dev/null
        exit "\${PIPESTATUS[0]}"`);
      assertEquals([code, stderr], [0, ""], `${command} | ${reader}`);
    }
  }),
);

Deno.test(
  "a full disk is told in one sentence, with a code of its own",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    for (
      const command of [
        `${GENERATE} -i in > /dev/full`,
        "ardiff info model > /dev/full",
        "ardiff evaluate --quiet --hypotheses in --references in > /dev/full",
      ]
    ) {
      const { code, stderr } = await run(command);
      assertEquals(code, 7, command);
      assertMatch(stderr, /^Error: Cannot write to .*: No space left on device.*\n$/, command);
    }
  }),
);

Deno.test(
  "- and /dev/stdin are standard input in every command that reads lines",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    write("candidates", '{"candidates": ["a b", "a b c"]}\n');
    write("scores", "[[1, 0], [1, 1]]\n");
    for (const stdin of ["-", "/dev/stdin"]) {
      const same = async (named: string, piped: string) => {
        const [file, pipe] = [await run(named), await run(piped)];
        assertEquals([file.code, pipe.code], [0, 0], `${file.stderr}${pipe.stderr}`);
        assertEquals(pipe.stdout, file.stdout, piped);
      };
      await same("ardiff mbr -i candidates", `ardiff mbr -i ${stdin} < candidates`);
      const scored = "ardiff mbr -i candidates --utility-scores";
      await same(`${scored} scores`, `cat scores | ${scored} ${stdin}`);
      const score = "ardiff evaluate -q --metrics chrf --json";
      const systems = /"name": .*/;
      for (
        const [named, piped] of [
          ["--hypotheses in --references in", `--hypotheses ${stdin} --references in`],
          ["--hypotheses in --references in", `--hypotheses in --references ${stdin}`],
        ]
      ) {
        const file = await run(`${score} ${named}`);
        const pipe = await run(`${score} ${piped} < in`);
        assertEquals(pipe.stdout.replace(systems, ""), file.stdout.replace(systems, ""), piped);
      }
      await same(
        "ardiff tokenizer train -q -i in --vocab-size 300 -o a.json && cat a.json",
        `ardiff tokenizer train -q -i ${stdin} --vocab-size 300 -o b.json < in && cat b.json`,
      );
    }
    const twice = await run("ardiff evaluate --hypotheses - --references - < in");
    assertEquals(twice.code, 3);
    assertMatch(twice.stderr, /standard input can be read only once/);
  }),
);

Deno.test(
  "streams may be named, closed or of the wrong kind",
  withShell(async ({ run, write }) => {
    write("in", TEXT);
    const { code, stdout } = await run(`
      ${GENERATE} -i in > whole
      ${GENERATE} -i - -o - < in | cmp - whole && ${GENERATE} -i /dev/stdin < in | cmp - whole
      ${GENERATE} -i <(cat in) -o >(cat) | cmp - whole && echo same
    `);
    assertEquals([code, stdout], [0, "same\n"]);
    for (const options of ["-i /dev/tty0", "-i in -o /dev/full", "-i in --trace-html /dev/full"]) {
      const { code, stderr } = await run(`${GENERATE} ${options}`);
      assertEquals(code, options.startsWith("-i /dev") ? 3 : 7, options);
      assertMatch(
        stderr,
        /^Error: Cannot .* "\/dev\/.*let the shell open it with [<>]\n$/,
        options,
      );
    }
    const noMessages = await run(`printf 'a \\xff\\n' | ${GENERATE} 2>&-`);
    assertEquals([noMessages.code, linesOf(noMessages.stdout).length], [0, 1]);
    const folder = await run(`${GENERATE} < .`);
    assertEquals(folder.code, 3, folder.stderr);
    assertStringIncludes(folder.stderr, "Error: Cannot read standard input");
  }),
);

Deno.test("input may be empty, end anywhere and hold any byte", async () => {
  const cases: [input: string, lines: number, told: RegExp][] = [
    ["", 0, /^$/],
    ["\n", 1, /^$/],
    ["a dog", 1, /^$/],
    ["a dog\r\n\r\nred\r\n", 3, /^$/],
    ["\xef\xbb\xbfa dog\n", 1, /^$/],
    ["a dog\n\n\xc3\x28\nred \xff\n", 4, /^Line 3: .*UTF-8.*\nLine 4: .*UTF-8.*\n$/],
    ["\xed\xa0\x80\n", 1, /^Line 1: .*UTF-8.*\n$/],
    ["a\tdog\x0b\x1b[31m\x7f\n", 1, /^$/],
  ];
  const generate = ["generate", "-m", sharedModel(), "--device", "cpu", "--steps", "2"];
  const generated = (input: string) => {
    const bytes = Uint8Array.from(input, (character) => character.charCodeAt(0));
    return runHere(generate, { stdin: bytes });
  };
  for (const [input, lines, told] of cases) {
    const { code, stdout, stderr } = await generated(input);
    assertEquals([code, stdout.split("\n").length - 1], [0, lines], input);
    assertMatch(stderr, told, input);
  }
  assertEquals((await generated("a\0dog\n")).code, 3, "NUL is no text's");
  assertEquals(
    await generated("\xef\xbb\xbfa dog\r\nred\r\n"),
    await generated("a dog\nred\n"),
    "neither line ends nor a byte order mark change the text",
  );
});

Deno.test(
  "a line of ten million characters is a line",
  withShell(async ({ run }) => {
    const { code, stdout, stderr } = await run(`
      (head -c 10000000 /dev/zero | tr '\\0' a; echo; echo a dog) | ${GENERATE}
    `);
    assertEquals([code, linesOf(stdout).length], [0, 2]);
    assertMatch(stderr, /^1 line was over \d+ tokens and cut to that\.\n$/);
  }),
);

Deno.test({
  name: "on a terminal a bar shows the progress and is gone in the end",
  ignore: !has("script"),
  fn: withShell(async ({ run, write }) => {
    write("in", TEXT);
    const shown = await run(`script -qec '${GENERATE} -i in -o out' /dev/null`);
    assertEquals(shown.code, 0);
    assertMatch(shown.stdout, /[█░]{24} \d+\/40 {2}[\d.]+ lines\/s/);
    assert(shown.stdout.endsWith("\r\x1b[K"), JSON.stringify(shown.stdout.slice(-40)));
    const counted = await run(`script -qec '${GENERATE} < in > out' /dev/null`);
    assertMatch(counted.stdout, /\d+ lines {2}[\d.]+ lines\/s/);
    const none = await run(`${GENERATE} -i in -o out`);
    assertEquals([none.stdout, none.stderr], ["", ""]);
  }),
});

Deno.test({
  name: "under tmux nothing but the results stays on the screen",
  ignore: !has("tmux"),
  fn: withShell(async ({ run, write }) => {
    const lines = LINES.filter((line) => line !== "").slice(0, 12);
    write("in", lines.map((line) => `${line}\n`).join(""));
    const { code, stdout } = await run(`
      ${GENERATE} -i in > expected
      letters() { tr -cd 'a-z\\n' < $1 | sed '/^$/d'; } # random texts have anything in them
      tmux="tmux -L ardiff-$$ -f /dev/null"
      $tmux new-session -d -x 200 -y 50 "${GENERATE} -i in; tmux -L ardiff-$$ wait-for -S done; sleep 60"
      $tmux wait-for done
      $tmux capture-pane -p > screen
      $tmux kill-server
      diff <(letters expected) <(letters screen)
    `);
    assertEquals([code, stdout], [0, ""]);
  }),
});
