import { assert, assertEquals, assertMatch } from "@std/assert";
import { golden } from "../denoiser/test_files.ts";
import { runHere, sharedModel } from "./fake_process.ts";
import { isInstalled, withShell } from "./shell.ts";

Deno.test("--quiet keeps notices and progress back, errors and results not", async () => {
  const stdin = Uint8Array.of(0x61, 0xff, 0x62, 0x0a);
  const generate = ["generate", "-m", sharedModel(), "--steps", "1"];
  const loud = await runHere(generate, { stdin });
  assertMatch(loud.stderr, /^Line 1: /);
  const quiet = await runHere(["-q", ...generate], { stdin });
  assertEquals(quiet, { ...loud, stderr: "" });
  const failing = await runHere([...generate, "--quiet", "--input-format", "jsonl"], {
    stdin: "{}\n",
  });
  assertEquals([failing.code, failing.stdout], [3, "\n"]);
  assertMatch(failing.stderr, /^Error: [^\n]*\n$/);
  const variable = await runHere(["generate", "-m", "none"], { variables: { ARDIFF_QUIET: "1" } });
  assertMatch(variable.stderr, /^Error: Cannot load model "none"/);
});

Deno.test("errors and help have colours at a terminal", async () => {
  const terminal = await runHere(["nothing"], { terminal: true });
  assertEquals(terminal.stderr, "\x1b[1;31mError:\x1b[0m unknown command 'nothing'\n");
  const elsewhere = await runHere(["nothing"]);
  assertEquals(elsewhere.stderr, "Error: unknown command 'nothing'\n");
  const help = await runHere(["--help"], { terminal: true });
  assert(help.stdout.startsWith("\x1b[1mUsage:\x1b[0m ardiff "), help.stdout);
  assertMatch((await runHere(["--help"])).stdout, /^Usage: ardiff /);
});

Deno.test({
  name: "NO_COLOR takes the colours from a terminal",
  ignore: !isInstalled("script"),
  fn: withShell(async ({ run }) => {
    const atTerminal = "TERM=xterm script -qec 'ardiff nothing; ardiff --help' /dev/null";
    const colored = await run(`unset NO_COLOR; ${atTerminal}`);
    assert(colored.stdout.startsWith("\x1b[1;31mError:"), colored.stdout);
    const plain = await run(`NO_COLOR=1 ${atTerminal}`);
    assertMatch(plain.stdout, /^Error: unknown command/);
    assert(!plain.stdout.includes("\x1b["), plain.stdout);
  }),
});

Deno.test("--verbose tells what led to an error", async () => {
  const { code, stderr } = await runHere(["mbr", "--output", "none/out", "--verbose"]);
  assertEquals(code, 7);
  assertMatch(stderr, /\nError: Cannot write .*\n {2}caused by: .*No such file.*\n$/);
});

Deno.test("golden --json prints every comparison", async () => {
  const path = golden("single_slot");
  const { code, stdout, stderr } = await runHere(["golden", "--json", "--device", "cpu", path]);
  assertEquals([code, stderr], [0, ""]);
  const [report, ...others] = JSON.parse(stdout);
  assertEquals([report.path, report.passed, others.length], [path, true, 0]);
  assert(report.findings.length > 5);
  for (const { error, tolerance, passed } of report.findings) {
    assertEquals(error <= tolerance, passed);
  }
});

Deno.test(
  "--libtorch is where libtorch is looked for, and nowhere else",
  withShell(async ({ folder, run }) => {
    const { code, stdout } = await run('ardiff doctor --json --libtorch "$PWD/nowhere"');
    assertEquals(code, 5);
    const { tried } = JSON.parse(stdout) as { tried: readonly Record<string, string>[] };
    assertEquals(
      tried.filter(({ file }) => file === "libtorch"),
      [{ file: "libtorch", by: "--libtorch", path: `${folder}/nowhere` }],
    );
  }),
);
