import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { parseTrainingConfig } from "../../src/training/config.ts";
import {
  describeForecast,
  forecast,
  type ForecastInput,
  warningsOf,
} from "../../src/training/forecast.ts";

/** `[training]` with some lines. */
function trainingOf(...lines: string[]) {
  const toml = ['[data.train]\nformat = "tsv"\nfile = "a.tsv"', "[training]", ...lines].join("\n");
  return parseTrainingConfig(toml, "run.toml").training;
}

/** An epoch of 50 micro-batches, each of which takes 2 seconds where it has 1000 tokens. */
const input = (changes: Partial<ForecastInput> = {}): ForecastInput => ({
  training: trainingOf("accumulation = 5"),
  step: 0,
  last: 1000,
  secondsLeft: Infinity,
  measured: { tokens: 500, seconds: 1 },
  epoch: { tokens: 50_000, microBatches: 50 },
  ...changes,
});

Deno.test("forecast() scales a micro-batch by its tokens", () => {
  const { update, epoch, updatesPerEpoch, updates, run, possible } = forecast(input());
  assertAlmostEquals(update, 10, 1e-9);
  assertAlmostEquals(epoch, 100, 1e-9);
  assertAlmostEquals(run, 10_000, 1e-6);
  assertEquals([updatesPerEpoch, updates, possible], [10, 1000, 1000]);
});

Deno.test("forecast() counts the updates that there is time for, by a schedule of accumulation", () => {
  assertEquals(forecast(input({ step: 10, secondsLeft: 125 })).possible, 12);
  const training = trainingOf("accumulation = { 0 = 1, 100 = 10 }");
  const found = forecast(input({ training, step: 50, last: 200, secondsLeft: 200 }));
  assertAlmostEquals(found.run, 50 * 2 + 100 * 20, 1e-6);
  assertEquals(found.possible, 55);
});

Deno.test("describeForecast() says how long an update, an epoch and the run will take", () => {
  const say = (changes: Partial<ForecastInput>) =>
    describeForecast(forecast(input(changes)), input(changes).secondsLeft);
  assertEquals(
    say({}),
    "An update takes about 10 s, an epoch of 10 1:40, this run's 1,000 updates 2:46:40.",
  );
  assertEquals(
    say({ secondsLeft: 600 }),
    "An update takes about 10 s, an epoch of 10 1:40; the 10:00 left are enough for about 60 of " +
      "this run's 1,000 updates.",
  );
});

Deno.test("warningsOf() tells of an average that remembers the random start", () => {
  const plain = trainingOf("warmup_steps = 100");
  const [average, ...others] = warningsOf(plain, 4000);
  assertEquals(others, []);
  assertStringIncludes(average!, "After 4,000 updates the average of the weights");
  assertStringIncludes(average!, "will be 67 % random start: set training.ema_warmup = true");
  assertEquals(warningsOf(plain, 40_000), []);
  assertEquals(warningsOf(trainingOf("warmup_steps = 100", "ema_warmup = true"), 4000), []);
  assertEquals(warningsOf(trainingOf("warmup_steps = 100", "ema_decay = 0"), 4000), []);
  const late = trainingOf("warmup_steps = 100", "ema_decay = { 0 = 0, 3999 = 0.999 }");
  assertEquals(warningsOf(late, 4000), []);
});

Deno.test("warningsOf() tells of updates that are too few to learn from", () => {
  const [few] = warningsOf(trainingOf(), 164);
  assertStringIncludes(
    few!,
    "164 updates are too few to learn from: the learning rate rises until",
  );
  assert(!warningsOf(trainingOf(), 5000).some((warning) => warning.includes("too few")));
  assertEquals(warningsOf(trainingOf('start_from = "model"'), 10), []);
});
