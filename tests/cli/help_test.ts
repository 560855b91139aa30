import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { leavesOf, pathOf } from "../../src/cli/command_tree.ts";
import { EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { guideOf } from "../../src/cli/guide.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { ExitCode } from "../../src/errors.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { simpleCommands } from "../docs/shell.ts";
import { complaint } from "./complaint.ts";
import { runHere } from "./fake_process.ts";

const program = makeProgram(processEnvironment());

/** Models that come with the program. */
const SHIPPED = ["commongen-small", "tatoeba-en-fr-small"];

for (const command of [program, ...leavesOf(program)]) {
  const path = pathOf(command);
  Deno.test(`the help of "ardiff ${path}" has examples that work`, async () => {
    const { examples } = guideOf(command);
    assert(examples.length > 0);
    const { code, stdout } = await runHere([...path.split(" ").filter(Boolean), "--help"]);
    assertEquals(code, 0);
    for (const example of examples) {
      assertStringIncludes(stdout, `\n  ${example}\n`);
      for (const [name, ...args] of simpleCommands(example.replaceAll("$TASK", "1"))) {
        if (name !== "ardiff") continue;
        assertEquals(await complaint(args), undefined, example);
        for (const [i, arg] of args.entries()) {
          // By name, they are found from any folder, and in the one-file program.
          const isModel = /^(-m|--model|info)$/.test(args[i - 1] ?? "") && arg !== "MODEL";
          if (isModel) assert(SHIPPED.includes(arg), arg);
          if (/^(configs|tests)\//.test(arg)) assert(Deno.statSync(arg), arg);
        }
      }
    }
  });
}

Deno.test("ardiff --help lists every exit code", async () => {
  assertEquals(
    EXIT_CODES.map(([code]) => code),
    Object.values(ExitCode).toSorted((left, right) => left - right),
  );
  const { stdout } = await runHere(["--help"]);
  for (const [code, meaning] of EXIT_CODES) {
    assertMatch(stdout, new RegExp(`^ +${code}  ${meaning}$`, "m"));
  }
});

/** Slips, and what is suggested. */
const SLIPS: readonly [args: readonly string[], suggestion: RegExp][] = [
  [["evalute"], /Did you mean evaluate\?/],
  [["tokenizer", "trian"], /Did you mean train\?/],
  [["generate", "-m", "x", "--candidate", "3"], /Did you mean --candidates\?/],
  [["generate", "-m", "x", "--quite"], /Did you mean --quiet\?/],
  [["generate", "-m", "x", "--select", "fist"], /Allowed choices are .* Did you mean first\?/],
  [["evaluate", "--metrics", "bleu,rouges"], /Expected some of .* Did you mean rouge\?/],
  [
    ["train", "--set", "log.every=1", "run.toml"],
    /"?run.toml.*the configuration stands before --set/,
  ],
  [["train", "run.toml", "--device", "gpu"], /Expected auto, cpu, cuda or cuda:INDEX/],
  [["completions", "bsh"], /Did you mean bash\?/],
];

for (const [args, suggestion] of SLIPS) {
  Deno.test(`"ardiff ${args.join(" ")}" is told what was meant`, async () => {
    const { code, stderr } = await runHere(args);
    assertEquals(code, 2);
    assertMatch(stderr, suggestion);
  });
}

Deno.test("help for a command that there is not says so and suggests one", async () => {
  for (const [name, suggestion] of [["nothing", ""], ["genrate", "\n(Did you mean generate?)"]]) {
    const { code, stdout, stderr } = await runHere(["help", name!]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `unknown command '${name}'${suggestion}`);
  }
  assertEquals((await runHere(["help", "generate"])).code, 0);
});

Deno.test("a variable that looks like one of ardiff's is named", async () => {
  const variables = { ARDIFF_EXPORTED: "ARDIFF_STPES ARDIFF_STEPS ARDIFF_MINE ARDIFF_LIBTORCH" };
  const told = async (...options: string[]) =>
    (await runHere(["info", "/none", ...options], { variables })).stderr;
  assertStringIncludes(
    await told(),
    "Ignored the variable ARDIFF_STPES: did you mean ARDIFF_STEPS?\nError: ",
  );
  assertEquals((await told("--quiet")).includes("Ignored"), false);
});
