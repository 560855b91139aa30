/**
 * Quality against network calls and processor seconds: `ardiff generate` on a model with several
 * settings, and its autoregressive twin in CTranslate2, by turns in one run, so that a load on the
 * machine meets all.
 *
 *   deno task bench-calls --model models/tatoeba-en-fr-small \
 *     --config configs/tatoeba-en-fr-small.toml --rival runs/twin-ctranslate2 --output runs/calls \
 *     [--turns 3] [--lines 2000] [--lines-alone 300] [--dtype f32] [--setting "NAME=OPTIONS" ...]
 *
 * Lines are the first of the configuration's development set; one thread. Every system translates
 * all of them in batches, and the first of them one by one. Times are processor seconds of the
 * process, from text to text: of CTranslate2's while it translates; of ardiff's from start to end,
 * less those of a run on no lines (start-up and loading), measured in the same turn. Neither says how
 * sure it is of a text, which costs a pass over the vocabulary; calls are counted in a run that is not
 * timed. With `--setting`,
 * which may be given several times, other options of `ardiff generate` are measured in place of
 * those below. The folder receives `calls.md`, `calls.svg`, and `calls.json` with every turn's times.
 */
import { parseArgs } from "node:util";
import { corpusBleu } from "../src/metrics/bleu.ts";
import { describeLibrary } from "../src/native/library_info.ts";
import { readReferences } from "../src/text/records.ts";
import { parseTrainingConfig } from "../src/training/config.ts";
import { defaultPython } from "./baseline.ts";
import { callsPicture, callsTable, type Measured } from "./calls_report.ts";
import { Rival, type RivalInfo, type RivalSetting } from "./rival.ts";
import { median } from "./statistics.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    config: { type: "string" },
    rival: { type: "string" },
    output: { type: "string" },
    turns: { type: "string", default: "3" },
    lines: { type: "string", default: "100000" },
    "lines-alone": { type: "string", default: "300" },
    dtype: { type: "string", default: "f32" },
    setting: { type: "string", multiple: true },
    python: { type: "string", default: defaultPython() },
  },
});
const { model, config, rival: rivalFolder, output, python } = args;
if (
  model === undefined || config === undefined || rivalFolder === undefined || output === undefined
) {
  throw new Error("Give --model, --config, --rival and --output");
}

const BATCH = 32;
const ROOT = new URL("../", import.meta.url).pathname;

/** Options of `ardiff generate`, by what they are called in the report. */
const OURS: Readonly<Record<string, string>> = {
  "as fast as it can": "--skip adaptive --draft auto",
  "one slot a call": "--skip adaptive --draft 0",
  "draft 1": "--skip adaptive --draft 1",
  "draft 2": "--skip adaptive --draft 2",
  "draft 4": "--skip adaptive --draft 4",
  "draft 4, at most 6 calls": "--skip adaptive --draft 4 --steps 6",
  "draft 4, at most 5 calls": "--skip adaptive --draft 4 --steps 5",
  "draft 4, at most 4 calls": "--skip adaptive --draft 4 --steps 4",
  "draft 4, at most 3 calls": "--skip adaptive --draft 4 --steps 3",
};
const THEIRS: Readonly<Record<string, Pick<RivalSetting, "compute_type" | "beam">>> = {
  "greedy, float32": { compute_type: "float32", beam: 1 },
  "greedy, int8": { compute_type: "int8", beam: 1 },
  "beam 5, float32": { compute_type: "float32", beam: 5 },
};

/** What a run over some lines gave. */
interface Run {
  readonly texts: readonly string[];
  readonly calls: readonly number[];
  readonly processorSeconds: number;
}

/** Something that writes a text for each line. */
interface System extends Pick<Measured, "name" | "program"> {
  run(count: number, batch: number): Promise<Run>;
}

const examples = await readDevelopmentSet(config);
const alone = Math.min(Number(args["lines-alone"]), examples.length);
const turns = Number(args.turns);
const temporary = await Deno.makeTempDir({ prefix: "ardiff-calls-" });
try {
  await using rival = new Rival(rivalFolder, config);
  const info = await rival.info();
  const systems = interleave(ourSystems(), rivalSystems(rival));
  await rival.run({ compute_type: "float32", beam: 1, batch: BATCH, lines: 64 }); // warms up
  const measured = await measure(systems);
  await report(measured, info);
} finally {
  await Deno.remove(temporary, { recursive: true });
}

async function readDevelopmentSet(path: string) {
  const { data } = parseTrainingConfig(Deno.readTextFileSync(path), path, []);
  if (data.dev === null) throw new Error(`${path} names no development set`);
  return (await Array.fromAsync(readReferences(data.dev))).slice(0, Number(args.lines));
}

function ourSystems(): System[] {
  const settings = args.setting?.map((setting): [string, string] => {
    const [name = "", ...options] = setting.split("=");
    return [name, options.join("=")];
  });
  return (settings ?? Object.entries(OURS)).map(([name, given]) => {
    const options = given.split(" ").filter(Boolean);
    let calls: number[] | undefined;
    return {
      name,
      program: "ardiff",
      async run(count, batch) {
        const { lines: texts, processorSeconds } = await generate(options, count, batch);
        calls ??= (await generate([...options, "--format", "jsonl"], count, batch)).lines
          .map((line) => (JSON.parse(line) as { calls: number }).calls);
        return { texts, calls, processorSeconds };
      },
    };
  });
}

function rivalSystems(rival: Rival): System[] {
  return Object.entries(THEIRS).map(([name, setting]) => ({
    name,
    program: "CTranslate2",
    async run(lines, batch) {
      const { texts, tokens, processor_seconds } = await rival.run({ ...setting, lines, batch });
      // A call for every token, the end token included.
      return {
        texts,
        calls: tokens.map((count) => count + 1),
        processorSeconds: processor_seconds,
      };
    },
  }));
}

/** `ardiff generate` as a process of its own: the lines that it wrote. */
async function generate(
  options: readonly string[],
  count: number,
  batch: number,
): Promise<{ readonly lines: readonly string[]; readonly processorSeconds: number }> {
  const [input, results] = [`${temporary}/lines.txt`, `${temporary}/results.txt`];
  const lines = examples.slice(0, count).map(({ source }) => `${source}\n`);
  await Deno.writeTextFile(input, lines.join(""));
  const { stdout } = await new Deno.Command(python, {
    args: [
      ...[`${ROOT}bench/measure_command.py`, input],
      ...[Deno.execPath(), "run", "--quiet", "--frozen", "--no-prompt", "-P=ardiff", "main.ts"],
      ...["generate", "--model", absolute(model!), "--dtype", args.dtype, "--threads", "1"],
      ...["--batch-size", `${batch}`, "--output", results, ...options],
    ],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  const { exit_code, cpu } = JSON.parse(new TextDecoder().decode(stdout)) as Record<string, number>;
  if (exit_code !== 0) throw new Error(`ardiff generate ${options.join(" ")}: exit ${exit_code}`);
  const written = (await Deno.readTextFile(results)).split("\n").slice(0, -1);
  if (written.length !== count) throw new Error(`${written.length} results of ${count} lines`);
  return { lines: written, processorSeconds: cpu! };
}

function absolute(path: string): string {
  return new URL(path, `file://${Deno.cwd()}/`).pathname;
}

/** Elements of two lists by turns; what the longer one has beyond the shorter comes last. */
function interleave<T>(left: readonly T[], right: readonly T[]): T[] {
  const longer = Math.max(left.length, right.length);
  return Array.from(
    { length: longer },
    (_, i) => [...left.slice(i, i + 1), ...right.slice(i, i + 1)],
  )
    .flat();
}

async function measure(systems: readonly System[]): Promise<Measured[]> {
  const references = examples.map((example) => example.references);
  const batched = systems.map((): number[] => []), lone = systems.map((): number[] => []);
  const last: { all: Run; few: Run }[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const startUp = (await generate([], 0, BATCH)).processorSeconds;
    for (const [i, system] of systems.entries()) {
      const all = await system.run(examples.length, BATCH), few = await system.run(alone, 1);
      const beside = system.program === "ardiff" ? startUp : 0;
      batched[i]!.push((all.processorSeconds - beside) / examples.length);
      lone[i]!.push((few.processorSeconds - beside) / alone);
      last[i] = { all, few };
    }
  }
  return systems.map(({ name, program }, i) => {
    const { all, few } = last[i]!;
    return {
      name,
      program,
      bleu: corpusBleu(all.texts, references).score,
      calls: all.calls,
      batched: batched[i]!,
      alone: lone[i]!,
      sameAlone: few.texts.filter((text, line) => text === all.texts[line]).length / alone,
    };
  });
}

async function report(measured: readonly Measured[], info: RivalInfo): Promise<void> {
  const ordered = [
    ...measured.filter(({ program }) => program === "CTranslate2"),
    ...measured.filter(({ program }) => program === "ardiff"),
  ];
  const what = `${model}, ${examples.length} lines of ${config}`;
  const markdown = [
    `${what}; one thread, ardiff in ${args.dtype}, CPU kernels for ` +
    `${describeLibrary().instruction_set}, CTranslate2 ${info.ctranslate2}, ${info.processor}; medians of ` +
    `${turns} turns. At batch 1 the first ${alone} lines. ardiff's start-up is not counted.`,
    "",
    callsTable(ordered, BATCH),
    "",
  ].join("\n");
  await Deno.mkdir(output!, { recursive: true });
  await Deno.writeTextFile(`${output}/calls.md`, markdown);
  await Deno.writeTextFile(`${output}/calls.svg`, await callsPicture(ordered, what));
  const times = ordered.map(({ calls, ...rest }) => ({
    ...rest,
    calls: calls.reduce((sum, count) => sum + count, 0) / calls.length,
    linesASecond: 1 / median(rest.batched),
  }));
  await Deno.writeTextFile(`${output}/calls.json`, `${JSON.stringify(times, null, 2)}\n`);
  Deno.stdout.writeSync(new TextEncoder().encode(markdown));
}
