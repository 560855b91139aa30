import { assert, assertEquals, assertMatch } from "@std/assert";
import { golden } from "../denoiser/test_files.ts";
import { runHere, sharedModel } from "./fake_process.ts";
import { type Outcome, withShell } from "./shell.ts";

Deno.test(
  "ardiff --help and --version need neither the native library nor anything else",
  withShell(async ({ run }) => {
    for (
      const [words, expected] of [
        ["--help", /^Usage: ardiff /],
        ["--version", /^\d+\.\d+\.\d+\n$/],
        ["generate --help", /Examples:\n/],
        ["help mbr", /^Usage: ardiff mbr /],
      ] as const
    ) {
      const { code, stdout, stderr } = await run(`ARDIFF_NATIVE=/none ardiff ${words}`);
      assertEquals([code, stderr], [0, ""], words);
      assertMatch(stdout, expected);
    }
  }),
);

/** What `ardiff` is given, its exit code, and what standard error says; MODEL is a model's folder. */
const ENDINGS: readonly [args: string, code: number, message: RegExp, stdin?: string][] = [
  ["", 2, /Usage: ardiff/],
  ["frobnicate", 2, /unknown command 'frobnicate'/],
  ["generat", 2, /Did you mean generate\?/],
  ["generate", 2, /required option '-m, --model <dir>' not specified/],
  ["generate --model MODEL --step 3", 2, /Did you mean --steps\?/],
  ["generate --model MODEL --steps x", 2, /'x' is invalid. Expected a whole number/],
  ["generate --model MODEL --sampler euler", 2, /Allowed choices are posterior, ddim/],
  ["evaluate --tokenize ja-mecab", 2, /"char"; or "none", after MeCab has put spaces/],
  ["generate --model MODEL --seed -1", 2, /Expected a whole number from 0/],
  ["generate --model MODEL --steps 100000", 0, /^$/],
  ["generate --model MODEL --input none", 3, /Cannot read input "none"/],
  ["mbr", 3, /Error: .*line 1/, "["],
  ["generate --model none", 4, /Error: Cannot load model "none": no such folder/],
  ["info tests", 4, /Error: Cannot read "tests\/config.json"/],
  ["generate --model MODEL --device cuda:999", 6, /Error: /, "a"],
  ["generate --model MODEL --device cuda:99999999999", 6, /"cuda:99999999999": there is none/, "a"],
  ["generate --model MODEL --output none/out", 7, /Cannot write output "none\/out"/, "a"],
];

for (const [args, expected, message, stdin] of ENDINGS) {
  Deno.test(`the exit code of "ardiff ${args}" is ${expected}`, async () => {
    const words = args.replace("MODEL", sharedModel()).split(" ").filter((word) => word !== "");
    checkEnding(await runHere(words, stdin === undefined ? {} : { stdin }), expected, message);
  });
}

Deno.test(
  "exit codes are those of the process",
  withShell(async ({ run }) => {
    checkEnding(await run("ardiff frobnicate"), 2, /unknown command 'frobnicate'/);
    checkEnding(
      await run("ARDIFF_NATIVE=/none ardiff generate --model model"),
      5,
      /run scripts\/build_native.sh/,
    );
    const { stdout, ...ending } = await run("ARDIFF_NATIVE=/none ardiff doctor");
    checkEnding(
      { ...ending, stdout: "" },
      5,
      /Cannot find the native library \(looked at \/none\)/,
    );
    assertMatch(stdout, /^generation +would not work$/m);
  }),
);

function checkEnding({ code, stdout, stderr }: Outcome, expected: number, message: RegExp): void {
  assertEquals(code, expected, stderr);
  assertMatch(stderr, message);
  assert(!stderr.includes("Internal error"), stderr);
  assertEquals(stdout, "", "results only on standard output");
}

Deno.test(
  "ardiff golden exits with 9 where values differ, and names them",
  withShell(async ({ folder, run }) => {
    Deno.mkdirSync(`${folder}/golden`);
    for (const { name } of Deno.readDirSync(golden("single_slot"))) {
      Deno.copyFileSync(`${golden("single_slot")}/${name}`, `${folder}/golden/${name}`);
    }
    const right = await run("ardiff golden --device cpu golden");
    assertEquals([right.code, right.stderr], [0, ""]);
    const path = `${folder}/golden/denoiser.safetensors`;
    const bytes = Deno.readFileSync(path);
    bytes.subarray(-8).fill(0x40); // the last two values of a tensor
    Deno.writeFileSync(path, bytes);
    const wrong = await run("ardiff golden --device cpu golden");
    assertEquals(wrong.code, 9);
    assertMatch(wrong.stdout, /FAIL {2}denoiser.safetensors/);
    assertMatch(wrong.stderr, /^Error: .* past tolerance/);
  }),
);

Deno.test(
  "ardiff doctor says what is here and that generation would work",
  withShell(async ({ run }) => {
    const { code, stdout, stderr } = await run("ardiff doctor");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^generation +would work$/m);
    const json = await run("ardiff doctor --json");
    const report = JSON.parse(json.stdout);
    assertEquals(report.problem, null);
    assertEquals(report.deno, Deno.version.deno);
    assertMatch(report.library.libtorch, /^2\./);
    assertMatch(report.shim, /libardiff\.so$/);
  }),
);

Deno.test(
  "ardiff doctor tells that it may not load a library from elsewhere",
  withShell(async ({ run, write }) => {
    write("libardiff.so", "not ours");
    const { code, stdout, stderr } = await run("ARDIFF_NATIVE=$PWD/libardiff.so ardiff doctor");
    assertEquals(code, 5, stderr);
    assertMatch(stdout, /^generation +would not work$/m);
    assertMatch(stderr, /^Error: Cannot load the native library without permission: .*\n$/);
  }),
);
