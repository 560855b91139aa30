/**
 * How fast ardiff trains on the CPU, against the same network, loss, dropout, optimiser and average
 * written plainly in PyTorch.
 *
 *   deno task bench-training [--threads 1] [--updates 20] [--dropout 0.1] [--python FILE]
 *
 * d = 128, 3 + 3 layers, 8 heads, C = 64, V = 8,000, N = 32, up to 24 source tokens, 64 rows. All
 * start from the same weights and see the same batches, and take their updates by turns, so that a
 * load on the machine meets all. Times are medians, with the range of their middle half. The report
 * is Markdown on standard output.
 */
import { parseArgs } from "node:util";
import { networkFields } from "../src/denoiser/network_fields.ts";
import { GoldenFile, GoldenFolder } from "../src/golden/folder.ts";
import { startTrainer } from "../src/golden/training_check.ts";
import { describeLibrary } from "../src/native/library_info.ts";
import { type Dtype, NativeModel } from "../src/native/model.ts";
import type { NativeTrainer, TrainingBatch } from "../src/native/trainer.ts";
import { PLAIN_BATCH, PLAIN_UPDATE } from "../src/native/trainer_options.ts";
import {
  defaultPython,
  TrainingBaseline,
  type TrainingReport,
  type UpdateTime,
} from "./baseline.ts";
import { digits, median, spread, table } from "./statistics.ts";

/** The speed-up that is asked for. */
const TARGET = 2;
const DTYPES = ["f32", "bf16"] as const;
const WARM_UP = 3;

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    updates: { type: "string", default: "20" },
    dropout: { type: "string", default: "0.1" },
    python: { type: "string", default: defaultPython() },
  },
});
const threads = Number(values.threads), dropout = Number(values.dropout);
const updates = Number(values.updates);

/** Our trainer, and what it was measured to take. */
interface Ours {
  readonly dtype: Dtype;
  readonly trainer: NativeTrainer;
  readonly milliseconds: number[];
  loss: number;
}

const folder = await Deno.makeTempDir({ prefix: "ardiff-bench-" });
try {
  await using baseline = new TrainingBaseline(values.python, folder, {
    threads,
    updates: WARM_UP + updates,
    dropout,
  });
  await baseline.step(); // network and batches are written when this is done
  const batches = readBatches(`${folder}/batches.safetensors`);
  using stack = new DisposableStack();
  const ours: Ours[] = [];
  for (const dtype of DTYPES) {
    const trainer = stack.use(await makeTrainer(dtype));
    ours.push({ dtype, trainer, milliseconds: [], loss: NaN });
    await update(ours.at(-1)!, batches[0]!, 1);
  }
  const theirs: UpdateTime[] = [];
  for (let i = 1; i < WARM_UP + updates; i++) {
    theirs.push(await baseline.step());
    for (const each of ours) await update(each, batches[i % batches.length]!, i + 1);
  }
  print(report(ours, theirs.slice(WARM_UP - 1), await baseline.report()));
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function makeTrainer(dtype: Dtype): Promise<NativeTrainer> {
  const golden = new GoldenFolder(folder);
  using model = new NativeModel(networkFields(golden.config.network));
  model.tensors.forEach(({ name }, index) => model.write(index, golden.weights.floats(name)));
  const device = { kind: "cpu", index: 0 } as const;
  return await startTrainer(golden, model, { device, dtype, threads, portable: false });
}

/** The batches that the baseline wrote. */
function readBatches(path: string): TrainingBatch[] {
  const file = new GoldenFile(path, "batches.safetensors");
  const [count = 0, rows = 0, length = 0] = file.shape("source_ids");
  const slots = file.shape("target_ids")[2]!;
  const part = (name: string, i: number) => {
    const whole = file.integers(name);
    return whole.slice(i * whole.length / count, (i + 1) * whole.length / count);
  };
  return Array.from({ length: count }, (_, i) => ({
    rows,
    length,
    slots,
    ids: part("source_ids", i),
    mask: Uint8Array.from(part("source_mask", i)),
    targetIds: part("target_ids", i),
    timesteps: part("timesteps", i),
  }));
}

/** One update, as the baseline makes it: forward, backward, clipping, AdamW and average. */
async function update(ours: Ours, batch: TrainingBatch, number: number): Promise<void> {
  const began = performance.now();
  const { loss } = await ours.trainer.batch(batch, {
    ...PLAIN_BATCH,
    seed: 1n,
    step: number,
    dropout,
    attentionDropout: dropout,
    normaliser: batch.rows * batch.slots,
  });
  await ours.trainer.update({
    ...PLAIN_UPDATE,
    update: number,
    learningRate: 1e-3,
    clipNorm: 1,
    averageDecay: 0.9999,
  });
  if (number > WARM_UP) ours.milliseconds.push(performance.now() - began);
  ours.loss = loss;
}

function report(
  ours: readonly Ours[],
  theirs: readonly UpdateTime[],
  { torch, processor, load, parameters, peak_memory_mib, last_loss }: TrainingReport,
): string {
  const steps = theirs.map(({ step }) => step);
  const rows = ours.map(({ dtype, milliseconds, loss }) => {
    return [
      `ardiff ${dtype}`,
      spread(milliseconds),
      `${digits(median(steps) / median(milliseconds))}x`,
      loss.toFixed(2),
    ];
  });
  return [
    `${threads} thread${
      threads === 1 ? "" : "s"
    }, ${updates} updates each after ${WARM_UP} to warm ` +
    `up, dropout ${dropout}, ${(parameters / 1e6).toFixed(1)}M parameters; CPU kernels for ` +
    `${describeLibrary().instruction_set}, torch ${torch}, ${processor}, load ${load}.`,
    "",
    table([
      [
        "trainer",
        "ms an update",
        `PyTorch's / ours (asked: ${TARGET})`,
        "last loss",
      ],
      ["PyTorch eager f32", spread(steps), "1", last_loss.toFixed(2)],
      ...rows,
    ]),
    "",
    `Peak memory: PyTorch's process ${peak_memory_mib} MiB; ours, both trainers in one, ` +
    `${Math.round(ours[0]!.trainer.usage().peakBytes / 2 ** 20)} MiB. PyTorch's update: ` +
    (["forward", "backward", "clip", "adamw", "ema"] as const)
      .map((part) => `${part} ${digits(median(theirs.map((time) => time[part])))} ms`).join(", ") +
    ".",
  ].join("\n");
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
