/**
 * Does memory stay flat over a long stream? Pipes lines through `ardiff generate` and samples the
 * process's resident memory as results come out.
 *
 *   deno task bench-memory [--lines 1000000] [--steps 2] [--model DIR]
 *
 * Without --model a small one with random weights is made, so that a million lines take minutes. The
 * slope is that of a straight line through the samples after the first tenth, in which buffers and
 * the compiler settle; a program that kept one byte a line would show at 1.
 */
import { parseArgs } from "node:util";
import { writeTinyModel } from "../tests/generation/tiny_model.ts";
import { table } from "./statistics.ts";

/** Samples in the table. */
const POINTS = 10;
/** Samples of which the slope is made. */
const SAMPLES = 200;
/** Lines written at once. */
const BLOCK = 1000;
const WORDS = "a the man woman dog walks red runs in on street field house sky sees ball".split(
  " ",
);

/** The state of the process when some lines are out. */
interface Sample {
  readonly lines: number;
  /** Resident memory in MiB. */
  readonly memory: number;
  /** Since the start. */
  readonly seconds: number;
}

const { values: args } = parseArgs({
  options: {
    lines: { type: "string", default: "1000000" },
    steps: { type: "string", default: "2" },
    model: { type: "string" },
  },
});
const total = Number(args.lines);
const folder = await Deno.makeTempDir({ prefix: "ardiff-bench-" });
try {
  if (args.model === undefined) writeTinyModel(`${folder}/model`);
  const { samples, first } = await measure(args.model ?? `${folder}/model`);
  await report(samples, first);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Runs the program over all lines; samples, and the seconds to the first line of output. */
async function measure(model: string): Promise<{ samples: Sample[]; first: number }> {
  const start = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ..."run --quiet --frozen --no-prompt -P=ardiff main.ts generate".split(" "),
      ...["--model", model, "--steps", args.steps],
    ],
    cwd: new URL("..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const fed = feed(process.stdin);
  const samples: Sample[] = [];
  let lines = 0, first = 0;
  for await (const chunk of process.stdout) {
    const seconds = (performance.now() - start) / 1000;
    if (lines === 0) first = seconds;
    for (const byte of chunk) if (byte === 0x0a) lines++;
    if (lines >= (samples.length + 1) * total / SAMPLES) {
      samples.push({ lines, memory: await residentMemory(process.pid), seconds });
    }
  }
  await fed;
  const { code } = await process.status;
  if (code !== 0 || lines !== total) throw new Error(`Exit code ${code} after ${lines} lines`);
  return { samples, first };
}

/** Writes lines of one to eight words as fast as they are read. */
async function feed(stdin: WritableStream<Uint8Array>): Promise<void> {
  const encoder = new TextEncoder();
  const writer = stdin.getWriter();
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const line = () =>
    Array.from({ length: 1 + random(8) }, () => WORDS[random(WORDS.length)]).join(" ");
  for (let written = 0; written < total; written += BLOCK) {
    const count = Math.min(BLOCK, total - written);
    await writer.write(encoder.encode(Array.from({ length: count }, () => `${line()}\n`).join("")));
  }
  await writer.close();
}

/** Resident memory of a process in MiB. */
async function residentMemory(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "rss=", "-p", `${pid}`] })
    .output();
  return Number(new TextDecoder().decode(stdout)) / 1024;
}

async function report(samples: readonly Sample[], first: number): Promise<void> {
  const shown = Array.from(
    { length: POINTS },
    (_, i) => samples[Math.ceil((i + 1) * samples.length / POINTS) - 1]!,
  );
  const settled = samples.filter(({ lines }) => lines > total / POINTS);
  const memories = settled.map(({ memory }) => memory);
  const text = [
    table([
      ["lines out", "resident memory, MiB", "seconds"],
      ...shown.map(({ lines, memory, seconds }) => [
        lines.toLocaleString("en"),
        memory.toFixed(1),
        seconds.toFixed(1),
      ]),
    ]),
    "",
    `First output after ${first.toFixed(2)} s; ${
      (total / samples.at(-1)!.seconds).toFixed(0)
    } lines a second. After the first tenth: ${Math.min(...memories).toFixed(1)} to ${
      Math.max(...memories).toFixed(1)
    } MiB, slope ${(slope(settled) * 2 ** 20).toFixed(2)} bytes a line.`,
  ];
  await Deno.stdout.write(new TextEncoder().encode(`${text.join("\n")}\n`));
}

/** MiB a line: the slope of the least-squares line through the samples. */
function slope(samples: readonly Sample[]): number {
  const mean = (value: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + value(sample), 0) / samples.length;
  const lines = mean((sample) => sample.lines), memory = mean((sample) => sample.memory);
  return mean((sample) => (sample.lines - lines) * (sample.memory - memory)) /
    mean((sample) => (sample.lines - lines) ** 2);
}
