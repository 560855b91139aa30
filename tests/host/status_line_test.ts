import { assertEquals } from "@std/assert";
import { formatDuration, StatusLine } from "../../src/host/status_line.ts";

function collect(interactive: boolean, elsewhere: number | null = 30_000) {
  let text = "";
  const output = { stderr: (part: string) => (text += part), interactive };
  const line = new StatusLine(output, { terminal: 200, elsewhere: elsewhere ?? undefined });
  return { line, text: () => text };
}

Deno.test("formatDuration() gives hours, minutes and seconds", () => {
  assertEquals([0, 59.6, 3599, 3600, 86_400 + 61].map(formatDuration), [
    "0:00",
    "1:00",
    "59:59",
    "1:00:00",
    "24:01:01",
  ]);
});

Deno.test("StatusLine rewrites one line on a terminal and ends it before a message", () => {
  const { line, text } = collect(true);
  line.show("half", 0);
  assertEquals([line.isDue(199), line.isDue(200)], [false, true]);
  line.say("Hello.");
  // Without wrapping, since only one row of the terminal can be rewritten.
  assertEquals(text(), `\r\x1b[K\x1b[?7lhalf\x1b[?7h\nHello.\n`);
  line.close();
  assertEquals(text().endsWith("Hello.\n"), true);
});

Deno.test("StatusLine writes plain lines now and then elsewhere, or none", () => {
  const { line, text } = collect(false);
  assertEquals(line.isDue(0), true);
  line.show("half", 0);
  assertEquals([line.isDue(29_999), line.isDue(30_000)], [false, true]);
  line.hide();
  assertEquals(text(), "half\n");
  assertEquals(collect(false, null).line.isDue(1e9), false);
});

Deno.test("StatusLine can be hidden, and its next state is due at once", () => {
  const { line, text } = collect(true);
  line.hide();
  assertEquals(text(), "");
  line.show("half", 0);
  line.hide();
  assertEquals([text().endsWith("\x1b[?7h\r\x1b[K"), line.isDue(1)], [true, true]);
});

Deno.test("StatusLine shows control characters of what it is told, and obeys none", () => {
  const { line, text } = collect(true);
  line.show("a\x1b[2J\rb", 0);
  line.say("c\x1b]0;title\x07\nd\x9b");
  const [shown, ...said] = text().split("\x1b[?7l")[1]!.split("\n");
  assertEquals(shown, "a\\u001b[2J\\rb\x1b[?7h");
  assertEquals(said, ["c\\u001b]0;title\\u0007", "d\\u009b", ""]);
});
