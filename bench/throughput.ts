/**
 * How many sentences a second a model generates, and where the time goes.
 *
 *   deno run --allow-read --allow-env --allow-ffi bench/throughput.ts --model models/commongen-small \
 *     --input data/commongen/dev.jsonl [--lines 256] [--threads 0] [--dtype f32]
 *
 * Two settings, 20 steps and 1 candidate, and 5 steps and 10 candidates with MBR; each with all slots
 * computed to the end, and with those right of a settled end token dropped. Times of the network's
 * parts are means over threads; MBR is timed anew, alone; "waiting" is what is left of the wall clock.
 */
import { parseArgs } from "node:util";
import { generate, type GenerateOptions, GENERATION_DEFAULTS } from "../src/generation/generate.ts";
import { readInputs } from "../src/generation/inputs.ts";
import { openLines } from "../src/generation/line_source.ts";
import { LoadedModel } from "../src/generation/loaded_model.ts";
import { select } from "../src/mbr/select.ts";
import { resolveDevice } from "../src/native/device.ts";
import type { Tokenizer } from "../src/text/tokenizer.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    input: { type: "string" },
    field: { type: "string", default: "source" },
    lines: { type: "string", default: "256" },
    threads: { type: "string", default: "0" },
    dtype: { type: "string", default: "f32" },
  },
});
const { model: path, input } = args;
if (path === undefined || input === undefined) throw new Error("Give --model and --input");

const SETTINGS = [
  { steps: 20, candidates: 1 },
  { steps: 5, candidates: 10 },
] as const;
const PARTS = ["network", "rounding", "encoder", "update", "tokenizer", "mbr", "waiting"] as const;

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.write(encoder.encode(`${line}\n`));

const seconds = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<
  typeof PARTS[number],
  number
>;

/** Counts the time of a call. */
function timed<T>(part: typeof PARTS[number], call: () => T): T {
  const start = performance.now();
  const result = call();
  seconds[part] += (performance.now() - start) / 1000;
  return result;
}

const loaded = await LoadedModel.load(path, {
  device: resolveDevice("auto"),
  dtype: args.dtype === "bf16" ? "bf16" : "f32",
  threads: Number(args.threads),
});
const tokenizer: Tokenizer = {
  kind: loaded.tokenizer.kind,
  vocabSize: loaded.tokenizer.vocabSize,
  special: loaded.tokenizer.special,
  encode: (text) => timed("tokenizer", () => loaded.tokenizer.encode(text)),
  decode: (ids) => timed("tokenizer", () => loaded.tokenizer.decode(ids)),
  tokenText: (id) => loaded.tokenizer.tokenText(id),
  toJson: () => loaded.tokenizer.toJson(),
};
using model = new LoadedModel(loaded.config, tokenizer, loaded.denoiser);

const { lines } = await openLines({
  path: input,
  stdin: () => Deno.stdin.readable,
  shard: undefined,
  count: false,
});
const inputFormat = input.endsWith(".jsonl") ? "jsonl" : "text";
const ignore = () => {};
const sources: string[] = [];
for await (
  const { source } of readInputs(lines, {
    inputFormat,
    field: args.field,
    onDamage: ignore,
    onFailure: ignore,
  })
) {
  sources.push(source);
  if (sources.length === Number(args.lines)) break;
}

await print(
  `${path}, ${sources.length} lines, ${navigator.hardwareConcurrency} cores, ${args.dtype}`,
);
await print(
  `steps cand. dropping sentences/s ${PARTS.map((part) => part.padStart(9)).join(" ")}`,
);
for (const setting of SETTINGS) {
  for (const dropSettled of ["off", "auto"] as const) {
    const options: GenerateOptions = {
      ...GENERATION_DEFAULTS,
      ...setting,
      dropSettled,
      grid: "even",
      maxWait: 0,
      onBatch: (parts) => {
        for (const part of ["encoder", "network", "rounding", "update"] as const) {
          seconds[part] += parts[part];
        }
      },
    };
    await run(sources.slice(0, 32), options); // warms up
    const total = await run(sources, options);
    const shares = PARTS.map((part) => `${(100 * seconds[part] / total).toFixed(1)} %`.padStart(9));
    const rate = (sources.length / total).toFixed(1).padStart(11);
    const [steps, candidates] = [setting.steps, setting.candidates].map((n) =>
      String(n).padStart(5)
    );
    await print(`${steps} ${candidates} ${dropSettled.padEnd(8)} ${rate} ${shares.join(" ")}`);
  }
}

/** Generates for all lines; the wall clock's seconds, their parts in `seconds`. */
async function run(inputs: readonly string[], options: GenerateOptions): Promise<number> {
  for (const part of PARTS) seconds[part] = 0;
  const start = performance.now();
  const candidates: string[][] = [];
  for await (const result of generate(model, ReadableStream.from(inputs), options)) {
    candidates.push(result.candidates.map(({ text }) => text));
  }
  const total = (performance.now() - start) / 1000;
  for (const texts of candidates) {
    timed("mbr", () => texts.length > 1 && select(texts, { utility: "bleu" }));
  }
  seconds.waiting = total - PARTS.reduce((sum, part) => sum + seconds[part], 0);
  return total;
}
