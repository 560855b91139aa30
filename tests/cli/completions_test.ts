import { assert, assertEquals } from "@std/assert";
import { bashCompletions } from "../../src/cli/completions/bash.ts";
import { fishCompletions } from "../../src/cli/completions/fish.ts";
import {
  type CommandNode,
  commandNodes,
  type OptionNode,
} from "../../src/cli/completions/nodes.ts";
import { zshCompletions } from "../../src/cli/completions/zsh.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { SAMPLERS } from "../../src/diffusion/names.ts";
import { runHere } from "./fake_process.ts";
import { isInstalled, linesOf, withShell, type Workplace } from "./shell.ts";

const nodes = commandNodes(makeProgram(processEnvironment()));

/** Command lines up to the cursor, and what their last word can become. */
const CASES: readonly [line: string, completions: readonly string[]][] = [
  ["ardiff ge", ["generate"]],
  ["ardiff tokenizer ", ["train"]],
  ["ardiff --quiet ev", ["evaluate"]],
  ["ardiff --config generate inf", ["info"]],
  ["ardiff help comp", ["compare", "completions"]],
  ["ardiff completions ", ["bash", "fish", "zsh"]],
  ["ardiff generate --samp", ["--sampler"]],
  ["ardiff generate --sampler d", ["ddim", "dpm++2m"]],
  ["ardiff generate --select mixture --utility tok", ["token-f1"]],
  ["ardiff generate --input inp", ["input.txt"]],
  ["ardiff generate --steps 5 -o inp", ["input.txt"]],
  ["ardiff evaluate --hypotheses input.txt other", ["other.txt"]],
  ["ardiff evaluate --hypotheses input.txt --metrics ble", ["bleu"]],
  ["ardiff train inp", ["input.txt"]],
  ["ardiff sweep inp", ["input.txt"]],
  ["ardiff tokenizer train --vocab", ["--vocab-size"]],
  ["ardiff train --vocab", []],
  ["ardiff generate --steps 1", []],
];

/** Takes a shell's script and files to complete to a folder of its own. */
function withScript(
  shell: string,
  test: (workplace: Workplace) => Promise<void>,
): () => Promise<void> {
  return withShell(async (workplace) => {
    const { code, stdout, stderr } = await runHere(["completions", shell]);
    assertEquals([code, stderr], [0, ""]);
    workplace.write("script", stdout);
    for (const name of ["input.txt", "other.txt"]) workplace.write(name, "");
    await test(workplace);
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A script in which bash answers each command line with a line of completions. */
function askBash(lines: readonly string[]): string {
  return `source ./script
ask() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _ardiff
  echo "\${COMPREPLY[*]}"
}
${lines.map((line) => `ask ${line.split(" ").map(quoted).join(" ")}`).join("\n")}`;
}

/** The completions on each line, in alphabetical order. */
function answers(stdout: string): string[][] {
  return linesOf(stdout).map((line) => line.split(" ").filter((word) => word !== "").sort());
}

Deno.test(
  "bash completes commands, options and values",
  withScript("bash", async ({ run }) => {
    const { stdout, stderr } = await run(askBash(CASES.map(([line]) => line)));
    assertEquals(stderr, "");
    assertEquals(answers(stdout), CASES.map(([, completions]) => [...completions].sort()));
  }),
);

Deno.test(
  "bash completes a value behind = and the names of models",
  withScript("bash", async ({ run }) => {
    const { stdout } = await run(
      askBash(["ardiff generate --sampler = p", "ardiff generate --sampler =", "ardiff info mod"]),
    );
    assertEquals(answers(stdout), [["posterior"], SAMPLERS.toSorted(), ["model"]]);
  }),
);

Deno.test(
  "bash completes every option of every command, and every choice",
  withScript("bash", async ({ run }) => {
    const longs = ({ options }: CommandNode) =>
      options.map(({ flags }) => flags.at(-1)!).filter((flag) => flag.startsWith("--"));
    const choices = nodes.flatMap((node) =>
      node.options.flatMap(({ flags, value }: OptionNode) =>
        value?.kind === "words"
          ? flags.map((flag) => ({ line: `${node.path} ${flag}`, words: value.words }))
          : []
      )
    );
    const flagged = nodes.filter(({ options }) => options.length > 0);
    assert(flagged.length > 10 && choices.length > 20);
    const { stdout } = await run(askBash([
      ...flagged.map(({ path }) => `ardiff ${path} --`.replace("  ", " ")),
      ...choices.map(({ line }) => `ardiff ${line} `),
    ]));
    assertEquals(answers(stdout), [
      ...flagged.map((node) => longs(node).sort()),
      ...choices.map(({ words }) => [...words].sort()),
    ]);
  }),
);

Deno.test({
  name: "fish completes commands, options and values",
  ignore: !isInstalled("fish"),
  fn: withScript("fish", async ({ run, write }) => {
    const asked = CASES.map(([line]) =>
      `echo (complete -C ${quoted(line)} | string replace -r '\\t.*' '')`
    );
    write("ask.fish", ["source ./script", ...asked].join("\n"));
    const { stdout, stderr } = await run("HOME=$PWD fish ask.fish");
    assertEquals(stderr, "");
    assertEquals(answers(stdout), CASES.map(([, completions]) => [...completions].sort()));
  }),
});

Deno.test({
  name: "zsh completes commands, options and values",
  ignore: !isInstalled("zsh"),
  fn: withScript("zsh", async ({ run }) => {
    // An interactive zsh inserts what is unique.
    const unique = CASES.filter(([, completions]) => completions.length === 1);
    const { code, stdout, stderr } = await run(
      `zsh -f '${import.meta.dirname}/complete.zsh' ./script ${
        unique.map(([line]) => quoted(line)).join(" ")
      }`,
    );
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      linesOf(stdout).map((line) => line.trimEnd().split(/ |=$/).filter(Boolean).at(-1)),
      unique.map(([, [completion]]) => completion),
    );
  }),
});

/** Names that a shell would run, were they ever read as part of a command line. */
const HOSTILE = [
  "$(touch P)",
  "`touch P`",
  "(touch P)",
  "a;touch P",
  "it's",
  "x{a,b} & touch P #",
  '"; touch P; "',
  "\\",
  "a b",
];

/** Asks a shell for the models behind a command, and expects their names and no file P. */
function offersHostileNames(
  ask: (workplace: Workplace, script: string) => Promise<string>,
  write: (nodes: readonly CommandNode[], models: readonly string[]) => string,
): () => Promise<void> {
  return withShell(async (workplace) => {
    for (const name of HOSTILE) {
      Deno.mkdirSync(`${workplace.folder}/in here/${name}`, { recursive: true });
    }
    const offered = await ask(workplace, write(nodes, HOSTILE));
    for (const name of HOSTILE) assert(offered.includes(name), `${name} is not in ${offered}`);
    assertEquals([...Deno.readDirSync(workplace.folder)].filter(({ name }) => name === "P"), []);
    assertEquals(
      [...Deno.readDirSync(`${workplace.folder}/in here`)].filter(({ name }) => name === "P"),
      [],
    );
  });
}

Deno.test(
  "bash evaluates no name that it completes",
  offersHostileNames(async ({ run, write }, script) => {
    write("script", script);
    const lines = ["", ...HOSTILE.map((name) => name.slice(0, 2))].map((word) =>
      `ask ardiff info ${quoted(word)}; ask ardiff generate --model ${quoted(word)}`
    );
    const { stdout, stderr } = await run(`source ./script
cd 'in here'
ask() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _ardiff
  printf '%s\n' "\${COMPREPLY[@]}"
}
${lines.join("\n")}`);
    assertEquals(stderr, "");
    return stdout;
  }, bashCompletions),
);

Deno.test({
  name: "fish evaluates no name that it completes",
  ignore: !isInstalled("fish"),
  fn: offersHostileNames(async ({ run, write }, script) => {
    write("script", script);
    write(
      "ask.fish",
      "function __fish_complete_directories; printf '%s\\n' */; end; " +
        "source ./script; cd 'in here'; complete -C 'ardiff info '; complete -C 'ardiff info $'",
    );
    const { stdout, stderr } = await run("HOME=$PWD fish ask.fish");
    assertEquals(stderr, "");
    return stdout;
  }, fishCompletions),
});

Deno.test({
  name: "zsh evaluates no name that it completes",
  ignore: !isInstalled("zsh"),
  fn: offersHostileNames(async ({ run, write }, script) => {
    write("script", script);
    // The words that the script hands to zsh's own completion.
    const { stdout, stderr } = await run(`cd 'in here' && zsh -f -c '
zmodload zsh/parameter 2>/dev/null; compdef() { :; }; _files() { :; }
compadd() { shift; print -rl -- "$@" }
source ../script; _ardiff_models'`);
    assertEquals(stderr, "");
    return stdout;
  }, zshCompletions),
});

Deno.test("every shell's script quotes names of models", () => {
  for (const write of [bashCompletions, fishCompletions, zshCompletions]) {
    assert(!/[ (]\$\(touch P\)/.test(write(nodes, ["$(touch P)"])), write.name);
  }
});
