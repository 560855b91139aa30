/** The command: what it prints can be trained, and follows the data. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { init, type InitCommandOptions } from "../../../src/commands/init.ts";
import { ExitCode, UserError } from "../../../src/errors.ts";
import { parseTrainingConfig } from "../../../src/training/config.ts";
import { withFolder } from "../../denoiser/test_files.ts";

const WORDS = ["dog", "cat", "ball", "snow", "tree", "man", "boat", "hill"];

/** Writes 300 pairs as two files, as TSV and as JSON lines. */
function writePairs(folder: string): void {
  const pairs = Array.from({ length: 300 }, (_, i) => {
    const [a, b] = [WORDS[i % 8], WORDS[(3 * i + Math.floor(i / 8)) % 8]];
    return [`${a} ${b} ${i}`, `The ${a} sees the ${b}${" again".repeat(i % 3)}.`] as const;
  });
  const write = (name: string, line: (pair: readonly [string, string]) => string) =>
    Deno.writeTextFileSync(`${folder}/${name}`, pairs.map((pair) => `${line(pair)}\n`).join(""));
  write("a.src", ([source]) => source);
  write("a.tgt", ([, target]) => target);
  write("a.tsv", (pair) => pair.join("\t"));
  write("a.jsonl", ([source, target]) => JSON.stringify({ source, target }));
}

async function run(options: Partial<InitCommandOptions>) {
  let [stdout, stderr] = ["", ""];
  await init({ minutes: 0.02, threads: 1, ...options }, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { stdout, stderr, config: parseTrainingConfig(stdout, "mine.toml") };
}

Deno.test(
  "ardiff init writes a configuration for two files, with lines held out",
  withFolder(async (folder) => {
    writePairs(folder);
    const { stdout, stderr, config } = await run({
      source: `${folder}/a.src`,
      target: `${folder}/a.tgt`,
    });
    assertEquals(config.data.train.map(({ spec }) => spec), [{
      format: "text",
      sourceFile: `${folder}/a.src`,
      targetFile: `${folder}/a.tgt`,
      groupSources: false,
      part: { share: 0.05, heldOut: false },
    }]);
    assertEquals(config.data.dev?.part, { share: 0.05, heldOut: true });
    const { network, training, text, tokenizer } = config;
    assertEquals([network.shifted, network.hidden_size, network.embedding_size], [true, 64, 64]);
    assertEquals([tokenizer.vocabulary_size, training.threads], [500, 1]);
    assert(training.steps >= 1 && training.warmup_steps >= 1, `${training.steps}`);
    assert(text.target_slots % 8 === 0 && network.max_positions >= text.target_slots);
    assertMatch(stderr, /^300 pairs of 300 different sources\.$/m);
    assertMatch(stderr, /^An update of 64 pairs takes .* ms here: \d+ real ones were timed\.$/m);
    assertMatch(stdout, /^# 300 pairs are few: /m);
    assertMatch(stdout, /^steps = \d+ # updates: /m);
  }),
);

Deno.test(
  "ardiff init takes tables, a development set and a task",
  withFolder(async (folder) => {
    writePairs(folder);
    const table = await run({ data: `${folder}/a.tsv`, dev: [`${folder}/a.jsonl`] });
    assertEquals(table.config.data.train[0]?.spec.format, "tsv");
    assertEquals(table.config.data.dev?.format, "jsonl");
    assert(!table.stdout.includes("hold_out"));
    assertStringIncludes(table.stdout, "to describe in 0.02 minutes"); // notes, whose words are copied
    Deno.writeTextFileSync(
      `${folder}/a.csv`,
      `id,ref,mr\n${
        Deno.readTextFileSync(`${folder}/a.tsv`).trimEnd().split("\n").map((line, i) =>
          [i, ...line.split("\t")].join()
        ).join("\n")
      }\n`,
    );
    const { config } = await run({ data: `${folder}/a.csv`, columns: ["mr", "ref"] });
    const { spec } = config.data.train[0]!;
    assert(spec.format === "csv");
    assertEquals([spec.source, spec.target, spec.header], ["mr", "ref", true]);
    const named = await run({
      data: `${folder}/a.jsonl`,
      columns: ["target", "source"],
      task: "translate",
    });
    assertStringIncludes(named.stdout, 'source = "target"');
    assertStringIncludes(named.stdout, "to translate in 0.02 minutes");
  }),
);

Deno.test(
  "ardiff init says what it needs, and what data it cannot use",
  withFolder(async (folder) => {
    writePairs(folder);
    const failure = (options: Partial<InitCommandOptions>) =>
      assertRejects(() => run(options), UserError);
    for (
      const options of [
        {},
        { source: `${folder}/a.src` },
        { data: `${folder}/a.src` },
        { data: `${folder}/a.tsv`, source: `${folder}/a.src` },
      ]
    ) {
      const error = await failure(options);
      assertEquals(error.exitCode, ExitCode.usage);
      assertStringIncludes(error.message, "--source and --target, or --data two aligned files");
    }
    Deno.writeTextFileSync(`${folder}/empty.tsv`, "a\t\n\tb\n");
    assertEquals(
      (await failure({ data: `${folder}/empty.tsv` })).message,
      "Cannot make a configuration: each of the 2 pairs has an empty side",
    );
  }),
);
