/** The command line as a user meets it: start-up to the first line of text, memory, and what FFI costs. */

import { importModel } from "../src/commands/import.ts";
import { library } from "../src/native/library.ts";
import type { Dtype } from "../src/native/model.ts";
import { prepare } from "./baseline.ts";
import { Run, Workload } from "./generate.ts";
import { median } from "./statistics.ts";

/** What measure_command.py says. */
export interface CommandCost {
  /** Seconds to the first byte of output. */
  readonly first: number;
  /** Seconds to the end. */
  readonly total: number;
  readonly peak_memory_mib: number;
}

const ROOT = new URL("../", import.meta.url).pathname;

/** Runs the program with lines on its standard input. */
export async function measureCommand(
  python: string,
  folder: string,
  lines: number,
  args: readonly string[],
): Promise<CommandCost> {
  const input = `${folder}/lines.txt`;
  const line = (i: number) => `dog catch frisbee throw number ${i}\n`;
  await Deno.writeTextFile(input, Array.from({ length: lines }, (_, i) => line(i)).join(""));
  const deno = [Deno.execPath(), "run", "--quiet", "--frozen", "--no-prompt", "-P=ardiff"];
  const { stdout } = await new Deno.Command(python, {
    args: [`${ROOT}bench/measure_command.py`, input, ...deno, "main.ts", ...args],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  const cost = JSON.parse(new TextDecoder().decode(stdout)) as CommandCost & { exit_code: number };
  if (cost.exit_code !== 0) throw new Error(`ardiff ${args.join(" ")}: exit ${cost.exit_code}`);
  return cost;
}

/** Makes a model folder from a baseline folder; its tokenizer is a small one. */
export async function makeModel(folder: string): Promise<string> {
  const output = `${folder}/model`;
  await importModel({
    weights: `${folder}/weights.safetensors`,
    config: `${folder}/config.json`,
    tokenizer: `${ROOT}tests/data/text/bpe.json`,
    output,
    createdBy: "bench",
  }, { stderr: () => {} });
  return output;
}

/** Options of `ardiff generate` that match the benchmark. */
export function generateOptions(model: string, dtype: Dtype, threads: number): string[] {
  return ["generate", "--model", model, "--dtype", dtype, "--threads", `${threads}`];
}

/** What crossing into the shim costs. */
export interface FfiCost {
  /** Nanoseconds of a call that does nothing. */
  readonly call: number;
  /** Microseconds that a step takes beyond what its network, rounding and update do. */
  readonly step: number;
}

/** Measures the cost of FFI with a model that has next to nothing to compute; `folder` is for it. */
export async function ffiCost(python: string, folder: string): Promise<FfiCost> {
  const { ardiff_abi_version } = library();
  const calls = 1_000_000, nanoseconds: number[] = [];
  for (let sample = 0; sample < 5; sample++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) ardiff_abi_version();
    nanoseconds.push(1e6 * (performance.now() - start) / calls);
  }
  const tiny = { d: 8, heads: 1, layers: 1, channels: 4, vocabulary: 10, slots: 1, source: 1 };
  await prepare(python, folder, { ...tiny, batch: 1, steps: 1 });
  const workload = new Workload(folder);
  using denoiser = await workload.denoiser("f32", 1);
  using run = await Run.start(workload, denoiser);
  const microseconds: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const { step, network, rounding, update } = await run.step(0);
    microseconds.push(1000 * (step - network - rounding - update));
  }
  return { call: median(nanoseconds), step: median(microseconds) };
}
