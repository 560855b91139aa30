/**
 * How long MBR takes, how much of it a plain Python loop takes, and how often the quick methods make
 * the exact choice.
 *
 *   deno run --allow-read --allow-run=python3 bench/mbr.ts [--python python3] [--runs 5]
 *
 * Times are those of the whole command, JSON lines in and text out, threads started anew each time:
 * the median of some runs. Python's are of its loop alone, on a sample, scaled to all inputs.
 */

import { parseArgs } from "node:util";
import { mbr, type MbrOptions } from "../src/commands/mbr.ts";
import { select, supports } from "../src/mbr/select.ts";
import type { SelectionMethod, UtilityName } from "../src/mbr/names.ts";
import { utilities } from "../src/mbr/utilities/mod.ts";
import { makeCandidates } from "./mbr_candidates.ts";

/** The sizes of the paper's tables, the time allowed on two cores, and inputs that Python gets. */
const SIZES = [
  { candidates: 50, inputs: 1000, limit: 2, sample: 20 },
  { candidates: 500, inputs: 100, limit: 10, sample: 1 },
] as const;

const METHODS: readonly SelectionMethod[] = ["exact", "aggregate", "prune"];
const NAMES = Object.keys(utilities) as UtilityName[];
const SEED = 1;

const { values: args } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    runs: { type: "string", default: "5" },
  },
});
const runs = Number(args.runs);

const encoder = new TextEncoder();
const print = (line = "") => Deno.stdout.write(encoder.encode(`${line}\n`));

const groups = (await Deno.readTextFile(
  new URL("../tests/data/mbr/references.jsonl", import.meta.url),
)).trimEnd().split("\n").map((line) => (JSON.parse(line) as { references: string[] }).references);

for (const size of SIZES) {
  const inputs = makeCandidates(groups, size.inputs, size.candidates, SEED);
  await print(`K = ${size.candidates}, ${size.inputs} inputs of 20 words, ${describe(inputs)}`);
  await reportTimes(inputs);
  const seconds = await medianSeconds(inputs, { threads: 2 });
  await print(`  limit for "bleu", exact, two threads: ${size.limit} s, taken ${format(seconds)}`);
  await reportPython(inputs.slice(0, size.sample), inputs.length);
  await reportAgreement(inputs);
  await print();
}

function describe(inputs: readonly (readonly string[])[]): string {
  const distinct = inputs.reduce((sum, texts) => sum + new Set(texts).size, 0) / inputs.length;
  return `${distinct.toFixed(0)} distinct each, ${navigator.hardwareConcurrency} cores`;
}

async function reportTimes(inputs: readonly (readonly string[])[]): Promise<void> {
  await print("  utility    method     1 thread  2 threads");
  for (const utility of NAMES) {
    for (const mbrMethod of METHODS.filter((method) => supports(method, utility))) {
      const times: string[] = [];
      for (const threads of [1, 2]) {
        times.push(format(await medianSeconds(inputs, { utility, mbrMethod, threads })));
      }
      await print(`  ${utility.padEnd(10)} ${mbrMethod.padEnd(9)} ${times.join("  ")}`);
    }
  }
}

/** The median time of the command. */
async function medianSeconds(
  inputs: readonly (readonly string[])[],
  options: MbrOptions,
): Promise<number> {
  const bytes = inputs.map((texts) => encoder.encode(`${JSON.stringify({ candidates: texts })}\n`));
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    let lines = 0;
    const start = performance.now();
    await mbr(options, { stdin: ReadableStream.from(bytes), stdout: () => void lines++ });
    times.push((performance.now() - start) / 1000);
    if (lines !== inputs.length) throw new Error(`${lines} of ${inputs.length} lines`);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)]!;
}

async function reportPython(
  sample: readonly (readonly string[])[],
  inputs: number,
): Promise<void> {
  const ours = await medianSeconds(sample, {});
  for (const words of ["once", "pair"]) {
    const { seconds, choices } = await runPython(sample, words);
    const agreed = sample.filter((texts, i) =>
      texts[select(texts, { utility: "bleu" }).index] === texts[choices[i]!]
    );
    await print(
      `  plain Python, words split once per ${words === "once" ? "text" : "pair"}: ` +
        `${format(seconds)} for ${sample.length} inputs, so ` +
        `${format(seconds * inputs / sample.length)} for all; ` +
        `${(seconds / ours).toFixed(0)} times one thread here; ` +
        `same choice in ${agreed.length} of ${sample.length}`,
    );
  }
}

async function runPython(
  sample: readonly (readonly string[])[],
  words: string,
): Promise<{ seconds: number; choices: number[] }> {
  const script = new URL("./mbr_baseline.py", import.meta.url).pathname;
  const process = new Deno.Command(args.python, {
    args: [script, words],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  for (const candidates of sample) {
    await writer.write(encoder.encode(`${JSON.stringify({ candidates })}\n`));
  }
  await writer.close();
  const { stdout } = await process.output();
  return JSON.parse(new TextDecoder().decode(stdout)) as { seconds: number; choices: number[] };
}

async function reportAgreement(inputs: readonly (readonly string[])[]): Promise<void> {
  await print("  utility    method    same choice  expected utility lost, mean and most");
  for (const utility of NAMES) {
    const exact = inputs.map((texts) => select(texts, { utility }));
    for (const method of METHODS) {
      if (method === "exact" || !supports(method, utility)) continue;
      const losses = inputs.map((texts, i) => {
        const { index, expectedUtility } = exact[i]!;
        return expectedUtility[index]! -
          expectedUtility[select(texts, { utility, method }).index]!;
      });
      // A loss of nothing is the exact choice or one that ties with it.
      const same = losses.filter((loss) => loss < 1e-12).length / inputs.length;
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / inputs.length;
      const most = losses.reduce((most, loss) => Math.max(most, loss), 0);
      await print(
        `  ${utility.padEnd(10)} ${method.padEnd(9)} ${(100 * same).toFixed(1).padStart(9)} %` +
          `  ${mean.toFixed(5)}  ${most.toFixed(4)}`,
      );
    }
  }
}

function format(seconds: number): string {
  return `${seconds.toFixed(2).padStart(7)} s`;
}
