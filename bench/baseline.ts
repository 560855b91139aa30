/** The PyTorch baseline as a child process that takes one step when told to. */

import { toInt32 } from "../src/denoiser/tensors.ts";
import { readSafetensors } from "../src/denoiser/safetensors.ts";

/** What one step took, in milliseconds. */
export interface StepTime {
  readonly step: number;
  readonly network: number;
  readonly rounding: number;
  readonly update: number;
  /** CPU time of the whole process. */
  readonly cpu: number;
}

/** What the process says when all steps are done. */
export interface FinalReport {
  readonly torch: string;
  readonly processor: string;
  readonly processors: number;
  /** Load average of the last minute, this process included. */
  readonly load: number;
  readonly peak_memory_mib: number;
  readonly median_ms: { readonly encoder: number; readonly final_tokens: number };
}

/** 10^9 operations a second of plain matmuls, by part of the network and data type. */
export type MatmulRates = Readonly<
  Record<
    "float32_gflop_per_second" | "bfloat16_gflop_per_second",
    Readonly<Record<string, number>>
  >
>;

/** Ids of a finished run. */
export interface RunIds {
  /** [B, N] */
  readonly tokens: Int32Array;
  /** [M, B, N]; -1 where a slot was not rounded */
  readonly rounded: Int32Array;
}

const SCRIPT = new URL("./pytorch_baseline.py", import.meta.url).pathname;

/** Writes a folder of random weights, sources and noise; options as of `prepare --help`. */
export async function prepare(
  python: string,
  folder: string,
  options: Readonly<Record<string, string | number>>,
): Promise<void> {
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  await run(python, ["prepare", "--folder", folder, ...given]);
}

/** Rates of plain matmuls of a folder's shapes. */
export async function plainMatmuls(
  python: string,
  folder: string,
  threads: number,
): Promise<MatmulRates> {
  const output = await run(python, ["matmul", "--folder", folder, "--threads", `${threads}`]);
  return JSON.parse(output) as MatmulRates;
}

/** A mode of the script that takes a step, and says what it took, when it is told to. */
class Stepwise<Step, Report> implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #buffered = "";

  constructor(python: string, args: readonly string[]) {
    this.#process = new Deno.Command(python, {
      args: [SCRIPT, ...args, "--stepwise"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Takes the next step. */
  async step(): Promise<Step> {
    await this.#input.write(new TextEncoder().encode("\n"));
    return JSON.parse(await this.#line()) as Step;
  }

  /** After the last step: the report. */
  async report(): Promise<Report> {
    const report = JSON.parse(await this.#line()) as Report;
    await this.#process.status;
    return report;
  }

  /** Ends the process, finished or not. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#process.status;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf("\n");
      if (end >= 0) {
        const line = this.#buffered.slice(0, end);
        this.#buffered = this.#buffered.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error("The PyTorch baseline ended early");
      this.#buffered += value;
    }
  }
}

/** Generation in PyTorch, step by step. */
export class Baseline extends Stepwise<StepTime, FinalReport> {
  readonly #tokens: string;

  constructor(python: string, folder: string, dtype: "float32" | "bfloat16", threads: number) {
    const tokens = `${folder}/tokens_${dtype}.safetensors`;
    super(python, [
      ...["generate", "--folder", folder, "--tokens", tokens],
      ...["--dtype", dtype, "--threads", `${threads}`],
    ]);
    this.#tokens = tokens;
  }

  /** After the last step: the report and the ids. */
  async finish(): Promise<FinalReport & RunIds> {
    const report = await this.report();
    const { tensors } = readSafetensors(this.#tokens);
    return {
      ...report,
      tokens: toInt32(tensors.get("token_ids")!),
      rounded: toInt32(tensors.get("rounded_ids")!),
    };
  }
}

/** What one update took, in milliseconds. */
export interface UpdateTime {
  readonly step: number;
  readonly forward: number;
  readonly backward: number;
  readonly clip: number;
  readonly adamw: number;
  readonly ema: number;
}

/** What training says when all updates are done. */
export type TrainingReport =
  & Pick<FinalReport, "torch" | "processor" | "load" | "peak_memory_mib">
  & { readonly parameters: number; readonly last_loss: number };

/** Training in PyTorch, update by update; the network and the batches are written to a folder first. */
export class TrainingBaseline extends Stepwise<UpdateTime, TrainingReport> {
  constructor(
    python: string,
    folder: string,
    { threads, updates, dropout }: { threads: number; updates: number; dropout: number },
  ) {
    super(python, [
      ...["train", "--folder", folder, "--threads", `${threads}`, "--warm-up-updates", "0"],
      ...["--updates", `${updates}`],
      ...["--dropout", `${dropout}`, "--attention-dropout", `${dropout}`],
    ]);
  }
}

async function run(python: string, args: readonly string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(python, {
    args: [SCRIPT, ...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`The PyTorch baseline failed: ${args.join(" ")}`);
  return new TextDecoder().decode(stdout);
}

/** The Python of the project's environment where there is one. */
export function defaultPython(): string {
  const local = new URL("../.venv/bin/python", import.meta.url).pathname;
  try {
    Deno.statSync(local);
    return local;
  } catch {
    return "python3";
  }
}
