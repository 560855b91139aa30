import { assertEquals } from "@std/assert";
import { ProgressBar, progressText } from "../../src/host/progress_bar.ts";

Deno.test("progressText() gives a bar, a speed and the time left where the total is known", () => {
  assertEquals(
    progressText(30, 120, 2000, "lines"),
    `${"█".repeat(6)}${"░".repeat(18)} 30/120  15 lines/s  0:06 left`,
  );
  assertEquals(progressText(3, undefined, 2000, "lines"), "3 lines  1.5 lines/s");
  // What an earlier run has done took no time of this one.
  assertEquals(progressText(103, undefined, 2000, "lines", 100), "103 lines  1.5 lines/s");
});

Deno.test("ProgressBar is silent elsewhere than on a terminal", () => {
  let text = "";
  const output = { stderr: (part: string) => (text += part), interactive: false };
  using bar = new ProgressBar(output, "lines", 2);
  bar.advance();
  bar.hide();
  assertEquals(text, "");
});

Deno.test("ProgressBar tells on a terminal, and there alone, what goes on before the first is done", () => {
  for (const interactive of [true, false]) {
    let text = "";
    using bar = new ProgressBar({ stderr: (part) => (text += part), interactive }, "lines", 40);
    bar.announce("loading models/x");
    assertEquals(text.includes("0/40 lines  loading models/x"), interactive);
  }
});

Deno.test("progressText() leaves no time below none where more is done than there was to do", () => {
  assertEquals(progressText(200, 100, 2000, "lines").split("  ").at(-1), "0:00 left");
});
