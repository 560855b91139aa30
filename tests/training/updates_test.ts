import { assertEquals, assertRejects } from "@std/assert";
import type { TrainingBatch } from "../../src/native/trainer.ts";
import {
  type BatchOptions,
  PLAIN_BATCH,
  type UpdateOptions,
} from "../../src/native/trainer_options.ts";
import type { PreparedBatch } from "../../src/training/batch_stream.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { NonFiniteUpdate, type Update, updates } from "../../src/training/updates.ts";

const MINIMAL = '[data.train]\nformat = "tsv"\nfile = "train.tsv"';

/** Options of a run with two micro-batches an update. */
function configOf(...settings: string[]) {
  return parseTrainingConfig(MINIMAL, "run.toml", ["training.accumulation=2", ...settings]);
}

/** A trainer that writes down what it is asked and returns losses from a list. */
class FakeTrainer {
  readonly events: string[] = [];
  readonly batches: BatchOptions[] = [];
  readonly updates: UpdateOptions[] = [];

  constructor(readonly losses: readonly number[]) {}

  async batch(batch: TrainingBatch, options: BatchOptions) {
    this.events.push(`run ${batch.rows}`);
    const loss = this.losses[this.batches.length] ?? 1;
    this.batches.push(options);
    await Promise.resolve();
    this.events.push(`done ${batch.rows}`);
    return { loss, mse: loss / 2, nll: loss / 4, prior: loss / 4 };
  }

  update(options: UpdateOptions) {
    this.updates.push(options);
    const last = this.losses.slice(this.batches.length - 2, this.batches.length);
    return Promise.resolve({ gradientNorm: 3, applied: last.every(Number.isFinite) });
  }
}

/** Two micro-batches an update; each has its number, from 1, in the place of its rows. */
function* numberedBatches(events: string[]): Generator<PreparedBatch, never> {
  for (let number = 0;; number++) {
    events.push(`prepare ${number + 1}`);
    const step = 1 + Math.floor(number / 2);
    const empty = new Int32Array(0);
    yield {
      step,
      microBatch: number % 2,
      isLast: number % 2 === 1,
      batch: {
        rows: number + 1,
        length: 0,
        slots: 0,
        ids: empty,
        mask: new Uint8Array(0),
        targetIds: empty,
        timesteps: empty,
      },
      selfCondition: number % 2 === 1,
      normaliser: 10 * step,
      tokens: 100,
      rows: Uint32Array.of(number, number + 1),
      updateRows: [0, 1].map((m) => number - number % 2 + m)
        .map((batch) => Uint32Array.of(batch, batch + 1)),
      epoch: 0,
      ofEpoch: 10,
      positionAfter: { epoch: 0, batch: 2 * step },
    };
  }
}

async function run(trainer: FakeTrainer, count: number, ...settings: string[]): Promise<Update[]> {
  const all = updates({
    trainerAt: () => Promise.resolve(trainer),
    batches: numberedBatches(trainer.events),
    config: configOf(...settings),
    skipped: 0,
    describeRows: ({ rows }) => `pairs ${rows.join(" and ")}`,
  });
  const found: Update[] = [];
  for await (const update of all) {
    found.push(update);
    if (found.length === count) break;
  }
  return found;
}

Deno.test("updates() prepares the next batch while the trainer computes", async () => {
  const trainer = new FakeTrainer([]);
  await run(trainer, 1);
  assertEquals(trainer.events, [
    "prepare 1",
    "run 1",
    "prepare 2",
    "done 1",
    "run 2",
    "prepare 3",
    "done 2",
  ]);
});

Deno.test("updates() sums the micro-batches of an update", async () => {
  const [first, second] = await run(new FakeTrainer([1, 2, 4, 8]), 2);
  assertEquals(first!.terms, { loss: 3, mse: 1.5, nll: 0.75, prior: 0.75 });
  assertEquals(second!.terms.loss, 12);
  assertEquals([second!.step, second!.tokens, second!.rows], [2, 200, 4]);
  assertEquals(second!.position, { epoch: 0, batch: 4 });
});

Deno.test("updates() passes on the options and the place of each micro-batch", async () => {
  const trainer = new FakeTrainer([]);
  await run(
    trainer,
    2,
    "training.dropout=0.3",
    "training.seed=5",
    "training.rounding_loss=prediction",
  );
  assertEquals(trainer.batches[3], {
    ...PLAIN_BATCH,
    selfCondition: true,
    roundingLoss: "prediction",
    seed: 5n,
    step: 2,
    microBatch: 1,
    dropout: 0.3,
    normaliser: 20,
  });
});

Deno.test("updates() passes on the optimiser's options and schedules", async () => {
  const trainer = new FakeTrainer([]);
  await run(
    trainer,
    2,
    "training.warmup_steps=4",
    "training.learning_rate=0.5",
    "training.clip_norm=2",
    "training.ema_decay=0.9",
  );
  assertEquals(trainer.updates[1], {
    update: 2,
    learningRate: 0.25,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: 2,
    averageDecay: 0.9,
  });
});

Deno.test("updates() passes on what a table says for the update", async () => {
  const trainer = new FakeTrainer([]);
  const found = await run(
    trainer,
    2,
    "training.dropout={ 0 = 0.1, 1 = 0.3 }",
    "training.learning_rate={ 0 = 1, 1 = 0.5 }",
    "training.warmup_steps=0",
  );
  assertEquals(trainer.batches.slice(0, 4).map(({ dropout }) => dropout), [0.1, 0.1, 0.3, 0.3]);
  assertEquals(found.map(({ learningRate }) => learningRate), [1, 0.5]);
});

Deno.test("updates() drops an update that is not complete when it is over", async () => {
  const trainer = new FakeTrainer([]);
  const steps: number[] = [];
  const all = updates({
    trainerAt: () => Promise.resolve(trainer),
    batches: numberedBatches(trainer.events),
    config: configOf(),
    skipped: 0,
    describeRows: () => "",
    isOver: () => trainer.batches.length === 3,
  });
  for await (const { step } of all) steps.push(step);
  assertEquals([steps, trainer.batches.length, trainer.updates.length], [[1], 3, 1]);
});

Deno.test("updates() stops where a loss is not finite and names the batch", async () => {
  const error = await assertRejects(
    () => run(new FakeTrainer([1, 1, 1, NaN]), 2),
    NonFiniteUpdate,
  );
  assertEquals(
    error.message,
    "Stopped at step 2: the loss of micro-batch 1 is NaN (pairs 3 and 4); lower " +
      "training.learning_rate, or leave such updates out with --resume --set " +
      'training.non_finite="skip"',
  );
});

Deno.test("updates() leaves out an update where asked to, and does not count it", async () => {
  const trainer = new FakeTrainer([1, 1, Infinity, 1, 1, 1]);
  const found = await run(trainer, 3, "training.non_finite=skip");
  assertEquals(found.map(({ step, applied }) => [step, applied]), [
    [1, true],
    [2, false],
    [3, true],
  ]);
  // Bias correction counts the updates that were made.
  assertEquals(trainer.updates.map(({ update }) => update), [1, 2, 2]);
});

Deno.test("updates() waits for the trainer where the next batch cannot be prepared", async () => {
  const trainer = new FakeTrainer([]);
  const batches = numberedBatches(trainer.events);
  const failing = {
    next: () => {
      if (trainer.batches.length === 1) throw new Error("no more data");
      return batches.next();
    },
  } as Iterator<PreparedBatch, never>;
  const all = updates({
    trainerAt: () => Promise.resolve(trainer),
    batches: failing,
    config: configOf(),
    skipped: 0,
    describeRows: () => "",
  });
  await assertRejects(() => all.next(), Error, "no more data");
  assertEquals(trainer.events.at(-1), "done 1");
});
