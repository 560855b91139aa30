/** `ardiff generate` in processes of its own, with a small model on the CPU. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFolder } from "../denoiser/test_files.ts";
import { writeTinyModel } from "./tiny_model.ts";

/** What a script did. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);

/** Runs a test with something that runs scripts, in which `generate` takes a model and 2 steps. */
function withScripts(test: (run: (script: string) => Promise<Outcome>) => Promise<void>) {
  return withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    const prelude = `
      ardiff() {
        exec '${Deno.execPath()}' run --frozen --allow-read --allow-write --allow-env --allow-ffi \
          --allow-run=python3 '${MAIN}' "$@"
      }
      generate() { ardiff generate --model model --device cpu --steps 2 "$@"; }`;
    await test(async (script) => {
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", `${prelude}\n${script}`],
        cwd: folder,
        stdin: "null",
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    });
  });
}

function lineCount(text: string): number {
  return text.split("\n").length - 1;
}

Deno.test(
  "ardiff generate ends quietly when its output is closed",
  withScripts(async (run) => {
    const { code, stdout, stderr } = await run(
      'yes "a dog" | (generate; echo "code $?" >&2) | head -1; wait',
    );
    assertEquals([code, lineCount(stdout), stderr], [0, 1, ""]);
  }),
);

Deno.test(
  "ardiff generate says nothing but results on standard output",
  withScripts(async (run) => {
    const { code, stdout, stderr } = await run("printf 'a dog\\n\\na red dog' | generate");
    assertEquals([code, lineCount(stdout), stderr], [0, 3, ""]);
    assertEquals(stdout.split("\n")[1], "");
  }),
);

for (const [signal, expected] of [["INT", 130], ["TERM", 143]] as const) {
  Deno.test(
    `ardiff generate writes what is finished on SIG${signal} and exits with ${expected}`,
    withScripts(async (run) => {
      const { code, stdout, stderr } = await run(`
        mkfifo lines out
        (exec 3> lines; printf 'a dog\\n' >&3; sleep 60) &
        writer=$!
        (generate < lines) > out &
        exec 4< out
        head -1 <&4               # the first result is there while input is open
        kill -${signal} $!
        wait $!
        code=$?
        kill $writer
        cat <&4
        exit $code
      `);
      assertEquals([code, lineCount(stdout)], [expected, 1]);
      assertMatch(stderr, new RegExp(`Stopped by SIG${signal}`));
    }),
  );
}

Deno.test(
  "ardiff generate joins shards to the whole, of files and of standard input",
  withScripts(async (run) => {
    const { code, stdout } = await run(`
      printf 'a dog\\n\\na red dog\\na man\\nthe sky\\n' > lines
      (generate -i lines -o whole)
      for i in 1 2 3; do (generate -i lines --shard $i/3 -o out.$i); done
      for i in 1 2 3; do (generate --shard $i/3 < lines > in.$i); done
      cmp <(cat out.?) whole && cmp <(cat in.?) whole && wc -l < whole
    `);
    assertEquals([code, stdout.trim()], [0, "5"]);
  }),
);

Deno.test(
  "ardiff generate tells damaged lines by number and truncated ones in one sentence",
  withScripts(async (run) => {
    const { code, stdout, stderr } = await run(`
      long=$(printf 'red %.0s' {1..100})
      printf 'a dog\\nb\\xff\\n%s\\n%s\\n' "$long" "$long" | generate
    `);
    assertEquals([code, lineCount(stdout)], [0, 4]);
    assertEquals(lineCount(stderr), 2);
    assertStringIncludes(stderr, "Line 2: it is not valid UTF-8");
    assertStringIncludes(stderr, "2 lines were over 40 tokens and cut to that.\n");
  }),
);

Deno.test(
  "ardiff generate gives a line for every line of JSON, and fails in the end where one was no use",
  withScripts(async (run) => {
    const { code, stdout, stderr } = await run(`
      printf '{"q": "a dog"}\\n{\\n{"q": "a dog"}\\n' |
        generate --input-format jsonl --field q --format tsv
    `);
    const [first, second, third] = stdout.split("\n");
    assertEquals([code, lineCount(stdout), second], [3, 3, "\t"]);
    assertEquals(first, third);
    assertStringIncludes(stderr, "Line 2 gives an empty output: it is not valid JSON");
    assertStringIncludes(stderr, "Error: Cannot use 1 of 3 input lines");
  }),
);

Deno.test(
  "ardiff generate traces to standard output and to a page",
  withScripts(async (run) => {
    const { code, stdout } = await run(`
      printf 'a dog\\nthe sky\\n' | (generate --trace --trace-html page.html --candidates 2)
      tail -1 page.html
      grep -c '^<tr><th>' page.html
    `);
    assertEquals(code, 0);
    assertEquals(stdout.match(/^[12] \d+\.\.\d+ /gm)?.length, 4);
    assert(stdout.endsWith("</html>\n4\n"));
  }),
);

Deno.test(
  "ardiff generate refuses what makes no sense before it reads anything",
  withScripts(async (run) => {
    for (
      const options of [
        "--shard 0/3",
        "--shard 4/3",
        "--drop-settled 2",
        "--trace --format tsv",
        "--mbr-method aggregate --utility rouge-l",
      ]
    ) {
      const { code, stdout } = await run(`generate ${options}`);
      assertEquals([code, stdout], [2, ""], options);
    }
  }),
);

Deno.test(
  "ardiff evaluate scores what ardiff generate gives",
  withScripts(async (run) => {
    const { code, stdout, stderr } = await run(`
      printf '{"source": "%s", "references": ["the dog"]}\\n' 'a dog' 'red sky' > dev.jsonl
      how="--candidates 3 --seed 4"
      (generate -i dev.jsonl --input-format jsonl --format jsonl -o model.jsonl $how)
      score="ardiff evaluate --data dev.jsonl --metrics bleu,ter,self-bleu --json"
      ($score --hypotheses model.jsonl) | tr '\\n' ' '; echo
      ($score --model model --device cpu --steps 2 $how) | tr '\\n' ' '; echo
      mkdir -p runs/small; ln -s "$PWD/model" runs/small/model
      $score --model runs/small/model --hypotheses model.jsonl --device cpu --steps 2 $how
    `);
    assertEquals([code, stderr], [0, ""]);
    const [given = "", generated = "", ...json] = stdout.split("\n");
    const [left, right] = [given, generated].map((text) => JSON.parse(text).systems[0]);
    assertEquals(right.scores, left.scores);
    assertEquals([left.scores.length, right.calls.p95, right.run.options.steps], [4, 2, 2]);
    const names = JSON.parse(json.join("\n")).systems.map(({ name }: { name: string }) => name);
    // Of a run's folder "model" the run is the name.
    assertEquals(names, ["small", "model.jsonl"]);
  }),
);

Deno.test(
  "ardiff evaluate needs outputs, or a model and sources",
  withScripts(async (run) => {
    for (const options of ["", "--model model", "--model model --references model/config.json"]) {
      const { code, stdout } = await run(`ardiff evaluate ${options}`);
      assertEquals([code, stdout], [2, ""], options);
    }
  }),
);
