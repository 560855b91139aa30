import { assertEquals } from "@std/assert";
import { describeMoment, formatDuration, Progress } from "../../src/training/progress.ts";

const MOMENT = {
  step: 1200,
  last: 4800,
  epoch: 2,
  terms: { loss: 1.23456, mse: 0.5, nll: 0.73, prior: 2.05e-7 },
  tokensPerSecond: 1234.5,
  secondsPerStep: 0.5,
  secondsAllowed: Infinity,
};

function collect(interactive: boolean) {
  let text = "";
  const progress = new Progress({ stderr: (part) => (text += part), interactive });
  return { progress, text: () => text };
}

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

Deno.test("formatDuration() gives hours, minutes and seconds", () => {
  assertEquals([0, 59.6, 3599, 3600, 86_400 + 61].map(formatDuration), [
    "0:00",
    "1:00",
    "59:59",
    "1:00:00",
    "24:01:01",
  ]);
});

Deno.test("Progress rewrites one line on a terminal and ends it before a message", () => {
  const { progress, text } = collect(true);
  progress.show(MOMENT, 0);
  assertEquals([progress.isDue(199), progress.isDue(200)], [false, true]);
  progress.say("Hello.");
  // Without wrapping, since only one row of the terminal can be rewritten.
  assertEquals(text(), `\r\x1b[K\x1b[?7l${describeMoment(MOMENT)}\x1b[?7h\nHello.\n`);
  progress.close();
  assertEquals(text().endsWith("Hello.\n"), true);
});

Deno.test("Progress writes plain lines now and then elsewhere", () => {
  const { progress, text } = collect(false);
  assertEquals(progress.isDue(0), true);
  progress.show(MOMENT, 0);
  assertEquals([progress.isDue(29_999), progress.isDue(30_000)], [false, true]);
  assertEquals(text(), `${describeMoment(MOMENT)}\n`);
});
