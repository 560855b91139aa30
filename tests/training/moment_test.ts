import { assertEquals } from "@std/assert";
import { describeMoment } from "../../src/training/moment.ts";

const MOMENT = {
  step: 1200,
  last: 4800,
  epoch: 2,
  terms: { loss: 1.23456, mse: 0.5, nll: 0.73, prior: 2.05e-7 },
  tokensPerSecond: 1234.5,
  secondsPerStep: 0.5,
  secondsAllowed: Infinity,
};

Deno.test("describeMoment() tells step, epoch, loss terms, speed and the time left", () => {
  assertEquals(
    describeMoment(MOMENT),
    "step 1200/4800  epoch 3  30:00 left  1235 tokens/s  loss 1.235 (mse 0.500, nll 0.730, " +
      "prior 2e-7)",
  );
});

Deno.test("describeMoment() counts down to the end of the allowed time if that comes first", () => {
  const line = describeMoment({ ...MOMENT, secondsAllowed: 61 });
  assertEquals(line.split("  ").at(2), "1:01 left");
});
