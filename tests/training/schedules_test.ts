import { assertAlmostEquals, assertEquals } from "@std/assert";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { averageDecay, changesAt, learningRate } from "../../src/training/schedules.ts";

const OPTIONS = { learning_rate: 8e-4, warmup_steps: 4000, steps: 20_000, decay_share: 1 };

Deno.test("learningRate() rises linearly over the warm-up", () => {
  const rate = (update: number) => learningRate({ ...OPTIONS, decay: "linear" }, update);
  assertAlmostEquals(rate(1), 2e-7, 1e-15);
  assertAlmostEquals(rate(2000), 4e-4, 1e-12);
  assertEquals(rate(4000), 8e-4);
});

Deno.test("learningRate() falls linearly to 0 at the last step, or stays", () => {
  const linear = (update: number) => learningRate({ ...OPTIONS, decay: "linear" }, update);
  assertAlmostEquals(linear(12_000), 4e-4, 1e-12);
  assertEquals(linear(20_000), 0);
  assertEquals(linear(25_000), 0);
  assertEquals(learningRate({ ...OPTIONS, decay: "constant" }, 25_000), 8e-4);
});

Deno.test("learningRate() stays at the peak until the share of updates that decays", () => {
  const late = (update: number) =>
    learningRate({ ...OPTIONS, decay: "linear", decay_share: 0.25 }, update);
  assertEquals(late(15_000), 8e-4);
  assertAlmostEquals(late(17_500), 4e-4, 1e-12);
  assertEquals(late(20_000), 0);
});

Deno.test("learningRate() falls along half a cosine, or with the inverse square root", () => {
  const cosine = (update: number) => learningRate({ ...OPTIONS, decay: "cosine" }, update);
  assertEquals(cosine(4000), 8e-4);
  assertAlmostEquals(cosine(8000), 8e-4 * (1 + Math.SQRT1_2) / 2, 1e-12);
  assertAlmostEquals(cosine(12_000), 4e-4, 1e-12);
  assertEquals(cosine(20_000), 0);
  const root = (update: number) => learningRate({ ...OPTIONS, decay: "inverse_sqrt" }, update);
  assertEquals(root(4000), 8e-4);
  assertAlmostEquals(root(16_000), 4e-4, 1e-12);
});

Deno.test("changesAt() names the options that an update is the first to have", () => {
  const { training } = parseTrainingConfig(
    '[data.train]\nformat = "tsv"\nfile = "a.tsv"\n[training]\n' +
      "dropout = { 0 = 0.1, 7 = 0.2 }\nwaiting_slots = { 0 = [0], 7 = [1, 2], 9 = [3] }",
    "run.toml",
  );
  assertEquals([1, 7].flatMap((update) => changesAt(training, update)), []);
  assertEquals(changesAt(training, 8), [["dropout", 0.2], ["waiting_slots", [1, 2]]]);
  assertEquals(changesAt(training, 10), [["waiting_slots", [3]]]);
});

Deno.test("learningRate() starts at the peak without warm-up", () => {
  assertEquals(learningRate({ ...OPTIONS, warmup_steps: 0, decay: "constant" }, 1), 8e-4);
});

Deno.test("averageDecay() warms up only where asked to", () => {
  const options = { ema_decay: 0.999, ema_warmup: true };
  assertAlmostEquals(averageDecay(options, 1), 2 / 11, 1e-15);
  assertAlmostEquals(averageDecay(options, 90), 0.91, 1e-15);
  assertEquals(averageDecay(options, 100_000), 0.999);
  assertEquals(averageDecay({ ...options, ema_warmup: false }, 1), 0.999);
});
