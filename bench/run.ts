/**
 * How fast ardiff generates on the CPU, against the same network written plainly in PyTorch.
 *
 *   deno task bench [--sizes commongen,iwslt] [--threads 1] [--batch 64] [--steps 20] [--repeats 3]
 *                   [--autocast-steps 4] [--python FILE]
 *
 * Both implementations get the same random weights, sources and noise and take the same steps by
 * turns, on the same number of threads, so that a load on the machine meets both. Times are medians,
 * with the range of their middle half. The report is Markdown on standard output; docs/benchmarks.md
 * explains it.
 */

import { parseArgs } from "node:util";
import type { Denoiser } from "../src/denoiser/denoiser.ts";
import { describeLibrary } from "../src/native/library_info.ts";
import type { Dtype } from "../src/native/model.ts";
import { type Agreement, compareRuns } from "./agreement.ts";
import {
  Baseline,
  defaultPython,
  type FinalReport,
  type MatmulRates,
  plainMatmuls,
  prepare,
  type StepTime,
} from "./baseline.ts";
import { ffiCost, generateOptions, makeModel, measureCommand } from "./command_line.ts";
import { Run, Workload } from "./generate.ts";
import { networkMatmuls, packedRate, roundingMatmul } from "./matmuls.ts";
import { type RoundingCase, timeRounding } from "./rounding.ts";
import { digits, median, spread, table } from "./statistics.ts";

const DTYPES = ["f32", "bf16"] as const;
/** The speed-ups that are asked for, by size. */
const TARGETS: Readonly<Record<string, Readonly<Record<Dtype, number>>>> = {
  commongen: { f32: 6, bf16: 12 },
  iwslt: { f32: 3, bf16: 6 },
};

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "commongen,iwslt" },
    threads: { type: "string", default: "1" },
    batch: { type: "string", default: "64" },
    steps: { type: "string", default: "20" },
    repeats: { type: "string", default: "3" },
    "autocast-steps": { type: "string", default: "4" },
    python: { type: "string", default: defaultPython() },
  },
});
const { python } = values;
const threads = Number(values.threads), batch = Number(values.batch), steps = Number(values.steps);
const repeats = Number(values.repeats), autocastSteps = Number(values["autocast-steps"]);

/** All that was measured of one size. */
interface Measurements {
  readonly workload: Workload;
  readonly ours: Readonly<Record<Dtype, readonly StepTime[]>>;
  /** Milliseconds of encoding and of the final choice of tokens. */
  readonly around: Readonly<Record<Dtype | "baseline", number>>;
  readonly baseline: readonly StepTime[];
  readonly autocast: readonly StepTime[];
  readonly pytorch: FinalReport;
  readonly agreement: Agreement;
  readonly matmuls: MatmulRates;
  /** Milliseconds of an update that draws its noise itself. */
  readonly generatedNoise: number;
  readonly rounding: readonly RoundingCase[];
}

const temporary = await Deno.makeTempDir({ prefix: "ardiff-bench-" });
try {
  const { instruction_set, libtorch } = describeLibrary();
  await print(
    `${threads} thread${threads === 1 ? "" : "s"}, batch ${batch}, ${steps} steps; ` +
      `CPU kernels for ${instruction_set}, libtorch ${libtorch}.\n`,
  );
  for (const size of values.sizes.split(",")) {
    const folder = `${temporary}/${size}`;
    await prepare(python, folder, { size, batch, steps });
    await report(size, await measure(folder));
  }
  await reportCommandLine(values.sizes.split(",")[0]!);
} finally {
  await Deno.remove(temporary, { recursive: true });
}

async function measure(folder: string): Promise<Measurements> {
  const workload = new Workload(folder);
  using f32 = await workload.denoiser("f32", threads);
  using bf16 = await workload.denoiser("bf16", threads);
  const denoisers: Readonly<Record<Dtype, Denoiser>> = { f32, bf16 };
  using stack = new DisposableStack();
  const runs: Record<Dtype, Run[]> = { f32: [], bf16: [] };
  for (const dtype of DTYPES) {
    for (let i = 0; i < repeats; i++) {
      runs[dtype].push(stack.use(await Run.start(workload, denoisers[dtype])));
    }
  }
  const times = { f32: [], bf16: [] } as Record<Dtype, StepTime[]>;
  const baselineTimes: StepTime[] = [], autocastTimes: StepTime[] = [];
  await using baseline = new Baseline(python, folder, "float32", threads);
  baselineTimes.push(await baseline.step()); // it has encoded when this is done
  await using autocast = new Baseline(python, folder, "bfloat16", threads);
  for (let m = 0; m < steps; m++) {
    progress(`${folder}: step ${m + 1} of ${steps}`);
    if (m < autocastSteps) autocastTimes.push(await autocast.step());
    if (m > 0) baselineTimes.push(await baseline.step());
    for (const dtype of DTYPES) {
      for (const run of runs[dtype]) times[dtype].push(await run.step(m));
    }
  }
  const theirs = await baseline.finish();
  const [first] = runs.f32;
  const { ids } = await first!.tokens();
  const around: Record<Dtype | "baseline", number> = {
    f32: 0,
    bf16: 0,
    baseline: theirs.median_ms.encoder + theirs.median_ms.final_tokens,
  };
  for (const dtype of DTYPES) {
    const whole: number[] = [];
    for (const run of runs[dtype]) whole.push(run.encoder + (await run.tokens()).milliseconds);
    around[dtype] = median(whole);
  }
  progress(`${folder}: tokens, matmuls, rounding`);
  return {
    workload,
    ours: times,
    around,
    baseline: baselineTimes,
    autocast: autocastTimes,
    pytorch: theirs,
    agreement: await compareRuns(workload, f32, { tokens: ids, rounded: first!.rounded }, theirs),
    matmuls: await plainMatmuls(python, folder, threads),
    generatedNoise: await timeGeneratedNoise(workload, f32),
    rounding: await timeRounding(workload, f32, repeats),
  };
}

/** Milliseconds of the update of a step that draws its noise. */
async function timeGeneratedNoise(workload: Workload, denoiser: Denoiser): Promise<number> {
  using run = await Run.start(workload, denoiser);
  const updates: number[] = [];
  for (let m = 0; m < Math.min(steps, 5); m++) {
    updates.push((await run.step(m, "generated")).update);
  }
  return median(updates);
}

async function report(size: string, m: Measurements): Promise<void> {
  const { hidden_size, attention_heads, decoder_layers, vocabulary_size } =
    m.workload.folder.config.network;
  await print(
    `## ${size}: d=${hidden_size}, ${attention_heads} heads, ${decoder_layers} layers, ` +
      `V=${vocabulary_size}, N=${m.workload.slots}\n`,
  );
  const { processor, processors, load, torch, peak_memory_mib } = m.pytorch;
  await print(
    `${processors} processors (${processor}), load ${load}; PyTorch ${torch}, ` +
      `which peaks at ${peak_memory_mib} MiB.\n`,
  );
  await print(`${timeTable(size, m)}\n`);
  await print(`${shareTable(m)}\n`);
  const { agreement: a } = m;
  await print(
    `float32 tokens: ${percent(a.equalTokens)} equal; roundings over all steps: ` +
      `${percent(a.equalRoundings)} equal. ${a.differingSentences} of ${a.sentences} sentences ` +
      `differ somewhere` +
      (a.differingSentences === 0
        ? ".\n"
        : `; at their first difference x0_hat is within ${a.largestGap.toExponential(1)} of its ` +
          `length of a tie.\n`),
  );
  await print(`${matmulTable(m)}\n`);
  await print(`${roundingTable(m.rounding)}\n`);
}

/** Whole steps: milliseconds and speed-ups. */
function timeTable(size: string, m: Measurements): string {
  const reference = m.baseline.map(({ step }) => step), cpu = m.baseline.map(({ cpu }) => cpu);
  const run = (times: readonly StepTime[], around: number) =>
    (around + steps * median(times.map(({ step }) => step))) / 1000;
  const row = (name: string, times: readonly StepTime[], around: number, target: string) => [
    name,
    spread(times.map(({ step }) => step)),
    `${digits(median(reference) / median(times.map(({ step }) => step)))}x`,
    target,
    `${digits(median(cpu) / median(times.map(({ cpu }) => cpu)))}x`,
    digits(run(times, around)),
  ];
  const autocast = median(m.autocast.map(({ step }) => step));
  return table([
    ["", "step, ms", "speed-up", "asked for", "by CPU time", "whole run, s"],
    row("PyTorch float32", m.baseline, m.around.baseline, ""),
    row("PyTorch autocast bfloat16", m.autocast, m.around.baseline, ""),
    ...DTYPES.map((dtype) =>
      row(`ardiff ${dtype}`, m.ours[dtype], m.around[dtype], `${TARGETS[size]?.[dtype] ?? ""}x`)
    ),
    [
      "ardiff bf16 against autocast",
      "",
      `${digits(autocast / median(m.ours.bf16.map(({ step }) => step)))}x`,
      "",
      "",
      "",
    ],
  ]);
}

/** Where the time of a step goes. */
function shareTable(m: Measurements): string {
  const part = (times: readonly StepTime[], of: (time: StepTime) => number) =>
    median(times.map(of));
  const row = (name: string, times: readonly StepTime[]) => {
    const rest = part(times, (t) => t.step - t.network - t.rounding - t.update);
    return [
      name,
      part(times, ({ network }) => network),
      part(times, ({ rounding }) => rounding),
      part(times, ({ update }) => update),
      rest,
      percent(rest / part(times, ({ step }) => step)),
    ];
  };
  return table([
    ["ms of a step", "network", "rounding", "update", "orchestration", "its share"],
    row("PyTorch float32", m.baseline),
    row("PyTorch autocast bfloat16", m.autocast),
    ...DTYPES.map((dtype) => row(`ardiff ${dtype}`, m.ours[dtype])),
  ]) + `\n\nAn update that draws its noise itself takes ${digits(m.generatedNoise)} ms.`;
}

/** Operations a second, against plain matmuls of the same shapes. */
function matmulTable(m: Measurements): string {
  const parts = networkMatmuls(m.workload), rounding = roundingMatmul(m.workload);
  const torch = {
    f32: m.matmuls.float32_gflop_per_second,
    bf16: m.matmuls.bfloat16_gflop_per_second,
  };
  const rows = [...parts, rounding].map((part) => [
    part.name,
    part.gflop,
    ...DTYPES.flatMap((dtype) => [torch[dtype][part.name] ?? "", packedRate(part, dtype) ?? ""]),
  ]);
  const gflop = parts.reduce((sum, part) => sum + part.gflop, 0);
  const achieved = (of: "network" | "rounding", work: number) =>
    DTYPES.map((dtype) => 1000 * work / median(m.ours[dtype].map((time) => time[of])));
  const plain = (dtype: Dtype) =>
    gflop / parts.reduce((sum, part) => sum + part.gflop / torch[dtype][part.name]!, 0);
  const [networkF32 = 0, networkBf16 = 0] = achieved("network", gflop);
  const [roundingF32 = 0, roundingBf16 = 0] = achieved("rounding", rounding.gflop);
  return table([
    ["GFLOP/s", "GFLOP a step", "torch f32", "ours f32", "torch bf16", "ours bf16"],
    ...rows,
    ["**network, as a whole**", gflop, plain("f32"), networkF32, plain("bf16"), networkBf16],
    ["**rounding, as a whole**", rounding.gflop, "", roundingF32, "", roundingBf16],
  ]);
}

function roundingTable(cases: readonly RoundingCase[]): string {
  return table([
    ["tokens of a batch of vectors", "ms", "groups scored again", "of"],
    ...cases.map(({ name, milliseconds, rescored, groups }) => [
      name,
      milliseconds,
      rescored,
      `${groups}`,
    ]),
  ]);
}

async function reportCommandLine(size: string): Promise<void> {
  progress("command line");
  const { call, step } = await ffiCost(python, `${temporary}/tiny`);
  await print("## Command line and FFI\n");
  await print(
    `A call through FFI takes ${digits(call)} ns; a step takes ${digits(step)} us beyond what it ` +
      `computes (a nonblocking call and the event loop).\n`,
  );
  const model = await makeModel(`${temporary}/${size}`);
  const rows: (string | number)[][] = [];
  const add = async (name: string, lines: number, args: readonly string[]) => {
    const costs = [];
    for (let i = 0; i < repeats; i++) {
      costs.push(await measureCommand(python, temporary, lines, args));
    }
    rows.push([
      name,
      median(costs.map(({ first }) => first)),
      median(costs.map(({ total }) => total)),
      median(costs.map(({ peak_memory_mib }) => peak_memory_mib)),
    ]);
  };
  await add("`ardiff --version`", 0, ["--version"]);
  for (const dtype of DTYPES) {
    const options = generateOptions(model, dtype, threads);
    await add(`1 line, 1 step, ${dtype}`, 1, [...options, "--steps", "1"]);
    await add(`1 line, ${steps} steps, ${dtype}`, 1, [...options, "--steps", `${steps}`]);
    await add(`${batch} lines, ${steps} steps, ${dtype}`, batch, [
      ...options,
      ...["--steps", `${steps}`, "--batch-size", `${batch}`],
    ]);
  }
  await print(
    table([[`${size} model`, "first output, s", "end, s", "peak memory, MiB"], ...rows]),
  );
}

/** The project's Python where there is one, else the system's. */
function percent(share: number): string {
  return `${digits(100 * share)} %`;
}

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

function progress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
