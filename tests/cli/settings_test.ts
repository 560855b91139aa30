import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { leavesOf, pathOf } from "../../src/cli/command_tree.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { settingsOf } from "../../src/cli/settings.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { runHere, type Surroundings } from "./fake_process.ts";
import { withShell } from "./shell.ts";

/** What --verbose tells: value and source of each option. */
function told(stderr: string): Map<string, readonly [value: string, source: string]> {
  const rows = stderr.matchAll(/^ {2}(\w+) +(.+?) {2,}(.+)$/gm);
  return new Map(
    Array.from(rows, ([, key = "", value = "", source = ""]) => [key, [value, source]]),
  );
}

/** Runs generate as far as its model, which is nowhere, and gives what --verbose told of it. */
async function settingsOfGenerate(args: readonly string[], surroundings: Surroundings) {
  const outcome = await runHere(["generate", "--verbose", ...args], surroundings);
  assertEquals(outcome.code, 4, outcome.stderr);
  assertMatch(outcome.stderr, /Error: Cannot load model "/);
  return told(outcome.stderr);
}

/** Writes a settings file. */
function settingsFile(folder: string, text: string): string {
  const path = `${folder}/settings.toml`;
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test(
  "a flag is stronger than a variable, that than the file, and that than the default",
  withFolder(async (folder) => {
    const path = settingsFile(
      folder,
      `[common]
seed = 3
steps = 2
[generate]
model = "nowhere"
batch_size = 5
steps = 7
sampler = "ddim"
rounding = false
drop_settled = 0.5`,
    );
    const variables = { ARDIFF_CONFIG: path, ARDIFF_STEPS: "8", ARDIFF_SAMPLER: "dpm++2m" };
    const settings = await settingsOfGenerate(["--steps", "9"], { variables });
    const expected = {
      steps: ["9", "command line"],
      sampler: ["dpm++2m", "ARDIFF_SAMPLER"],
      batch_size: ["5", `[generate] in "${path}"`],
      model: ["nowhere", `[generate] in "${path}"`],
      rounding: ["false", `[generate] in "${path}"`],
      drop_settled: ["0.5", `[generate] in "${path}"`],
      seed: ["3", `[common] in "${path}"`],
      candidates: ["1", "default"],
      config: [path, "ARDIFF_CONFIG"],
      verbose: ["true", "command line"],
    } as const;
    for (const [key, value] of Object.entries(expected)) {
      assertEquals(settings.get(key), value, key);
    }
  }),
);

Deno.test("settings reach the command as flags do", async () => {
  const stdin = '{"candidates": ["a b c d", "a b c", "x a"]}\n';
  const flags = await runHere(["mbr", "--utility", "rouge-l", "--format", "jsonl"], { stdin });
  const variables = { ARDIFF_UTILITY: "rouge-l" };
  const settings = await runHere(["mbr", "--format", "jsonl"], { stdin, variables });
  const neither = await runHere(["mbr", "--format", "jsonl"], { stdin });
  assertEquals(settings, flags);
  assert(neither.stdout !== flags.stdout);
});

Deno.test(
  "the settings file is found where XDG_CONFIG_HOME or HOME says",
  withFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/.config/ardiff`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/.config/ardiff/config.toml`, "[common]\nsteps = 4\n");
    for (const variables of [{ HOME: folder }, { XDG_CONFIG_HOME: `${folder}/.config` }]) {
      const settings = await settingsOfGenerate(["-m", "nowhere"], { variables });
      assertEquals(settings.get("steps")?.[0], "4");
    }
    const elsewhere = { HOME: folder, XDG_CONFIG_HOME: `${folder}/none` };
    const settings = await settingsOfGenerate(["-m", "nowhere"], { variables: elsewhere });
    assertEquals(settings.get("steps"), ["auto", "default"]);
  }),
);

Deno.test("an empty variable counts as none", async () => {
  const variables = { ARDIFF_STEPS: "", ARDIFF_CONFIG: "", ARDIFF_QUIET: "" };
  const settings = await settingsOfGenerate(["-m", "nowhere"], { variables });
  assertEquals(settings.get("steps"), ["auto", "default"]);
});

/** Variables that no option can use, and what is said of them. */
const BAD_VARIABLES = {
  ARDIFF_STEPS: ["x", 'ARDIFF_STEPS="x": expected a whole number, 1 to 1000000'],
  ARDIFF_SAMPLER: ["ddin", "allowed choices are posterior, ddim, dpm++2m. Did you mean ddim?"],
  ARDIFF_ROUNDING: ["no", 'ARDIFF_ROUNDING="no": expected true or false'],
  ARDIFF_DEVICE: ["gpu", "expected auto, cpu, cuda or cuda:INDEX"],
} as const;

for (const [name, [value, message]] of Object.entries(BAD_VARIABLES)) {
  Deno.test(`${name}="${value}" is refused by name`, async () => {
    const { code, stderr } = await runHere(["generate", "-m", "nowhere"], {
      variables: { [name]: value },
    });
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Error: Cannot use ${name}=`);
    assertStringIncludes(stderr, message);
  });
}

/** Files that no command line can use, and what is said of them. */
const BAD_FILES: readonly [text: string, message: string][] = [
  ["steps = 5", 'key "steps" stands in no section: expected [common], [generate], '],
  ["[generat]", "unknown section [generat]: did you mean [generate]?"],
  ["generate = 5", '"generate" is no section: expected [generate]'],
  ["[generate]\nstepps = 5", 'unknown key "generate.stepps": did you mean "generate.steps"?'],
  ["[mbr]\nsteps = 5", 'unknown key "mbr.steps": expected one of utility, '],
  ["[generate]\noutput = 'x'", '"generate.output" cannot be set in a file'],
  ["[train]\ndevice = 'cpu'", '"train.device" cannot be set in a file'],
  ["[common]\nconfig = 'x'", '"common.config" cannot be set in a file'],
  ["[tokenizer]\nvocab_size = 5", "[tokenizer.train]"],
  ["[data.train]\nformat = 'tsv'", "it looks like a training configuration"],
  ["[generate]\nsteps = ", "line 2, column "],
  ["[generate]\nsteps = 0", "steps = 0 of [generate] in"],
  ["[common]\nsteps = true", "expected what --steps <n> takes"],
  ["[generate]\nquiet = 'yes'", 'quiet = "yes" of [generate] in'],
];

for (const [text, message] of BAD_FILES) {
  Deno.test(
    `a settings file with ${JSON.stringify(text)} is refused by name`,
    withFolder(async (folder) => {
      const path = settingsFile(folder, text);
      const { code, stderr } = await runHere(["generate", "-m", "nowhere", "--config", path]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, `"${path}"`);
      assertStringIncludes(stderr, message);
    }),
  );
}

Deno.test("a settings file that was named must be there", async () => {
  const { code, stderr } = await runHere(["generate", "-m", "nowhere", "--config", "none.toml"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^Error: Cannot read settings "none.toml": No such file/);
});

Deno.test("help is given whatever the settings", async () => {
  const variables = { ARDIFF_CONFIG: "none.toml", ARDIFF_STEPS: "x" };
  for (
    const args of [["generate", "--help"], ["help", "generate"], ["generate", "-m", "x", "-h"]]
  ) {
    const { code, stderr } = await runHere(args, { variables });
    assertEquals([code, stderr], [0, ""]);
  }
});

Deno.test("what one call reads, writes or prints comes from its command line alone", async () => {
  const names = ["INPUT", "OUTPUT", "FORMAT", "SHARD", "TRACE", "TRACE_HTML", "INPUT_FORMAT"];
  const variables = Object.fromEntries(names.map((name) => [`ARDIFF_${name}`, "damaged"]));
  const settings = await settingsOfGenerate(["-m", "nowhere"], { variables });
  for (const name of names) assertEquals(settings.get(name.toLowerCase())?.[1], "default", name);
  const noModel = await runHere(["evaluate", "--hypotheses", "none", "--references", "none"], {
    variables: { ARDIFF_MODEL: "nowhere" },
  });
  assertMatch(noModel.stderr, /Cannot read "none"/);
});

Deno.test(
  "options of every command stand before it or after it",
  withFolder(async (folder) => {
    const path = settingsFile(folder, "[common]\nsteps = 4\n");
    const after = await runHere(["generate", "-m", "nowhere", "--verbose", "--config", path]);
    const before = await runHere(["--verbose", "--config", path, "generate", "-m", "nowhere"]);
    assertEquals(before, after);
    assertEquals(told(before.stderr).get("steps")?.[0], "4");
  }),
);

Deno.test(
  "import keeps its own --config",
  withFolder(async (folder) => {
    const path = settingsFile(folder, "[common]\nquiet = true\n");
    const own = ["--config", "none.json", "--weights", "none", "--tokenizer", "none", "-o", "none"];
    const { code, stderr } = await runHere(["--config", path, "import", ...own, "--verbose"]);
    assertEquals(code, 4, stderr);
    assertEquals(told(stderr).get("quiet"), ["true", `[common] in "${path}"`]);
    assertEquals(told(stderr).get("config"), ["none.json", "command line"]);
  }),
);

Deno.test(
  "train takes where it computes from variables, not from the settings file",
  withFolder(async (folder) => {
    const path = settingsFile(folder, "[common]\ndevice = 'cuda:1'\nthreads = 3\n");
    const { stderr } = await runHere(["train", "none.toml", "--config", path, "--verbose"], {
      variables: { ARDIFF_THREADS: "2" },
    });
    assertEquals(told(stderr).get("threads"), ["2", "ARDIFF_THREADS"]);
    assertEquals(told(stderr).get("device"), ["none", "default"]);
    assertMatch(stderr, /Error: .*"none.toml"/);
  }),
);

Deno.test("every setting has a variable that the program may read", () => {
  const { permissions } = JSON.parse(
    Deno.readTextFileSync(`${import.meta.dirname}/../../deno.json`),
  );
  for (const name of ["ardiff", "golden"]) {
    const allowed: string[] = permissions[name].env;
    for (const needed of ["ARDIFF_*", "HOME", "XDG_CONFIG_HOME", "NO_COLOR"]) {
      assert(allowed.includes(needed), `${name} may not read ${needed}`);
    }
  }
  const settings = leavesOf(makeProgram(processEnvironment())).flatMap((command) =>
    settingsOf(command).map(({ variable }) => `${pathOf(command)} ${variable}`)
  );
  assert(settings.includes("generate ARDIFF_MODEL"));
  assert(!settings.includes("evaluate ARDIFF_MODEL"));
  for (const setting of settings) assertMatch(setting, / ARDIFF_[A-Z][A-Z_]*$/);
});

Deno.test(
  "settings hold in a real shell with the program's own permissions",
  withShell(async ({ run }) => {
    const { code, stdout, stderr } = await run(`
      mkdir -p config/ardiff
      printf '[generate]\\nmodel = "model"\\nsteps = 2\\n' > config/ardiff/config.toml
      echo a b | ARDIFF_THREADS=1 ardiff generate --verbose > settings 2> told
      echo a b | ardiff generate --config /dev/null -m model --steps 2 > flags
      cat told; cmp settings flags`);
    assertEquals([code, stderr], [0, ""]);
    const settings = told(stdout);
    assertMatch(settings.get("steps")?.[1] ?? "", /^\[generate\] in ".*\/config.toml"$/);
    assertEquals(settings.get("threads"), ["1", "ARDIFF_THREADS"]);
  }),
);
