import { assert, assertEquals } from "@std/assert";
import { countLines, linesWithin, shardRange } from "../../src/generation/shard.ts";
import { type Line, readLines } from "../../src/text/lines.ts";
import { type Content, streamOf } from "../text/streams.ts";
import { Channel } from "./channel.ts";

Deno.test("shardRange() parts the lines without gaps into runs of about the same length", () => {
  for (const lines of [0, 1, 2, 7, 100]) {
    for (const count of [1, 2, 3, 8]) {
      let next = 1;
      for (let index = 1; index <= count; index++) {
        const { first, end } = shardRange({ index, count }, lines);
        assertEquals(first, next);
        assert(Math.abs(end - first - lines / count) < 1);
        next = end;
      }
      assertEquals(next, lines + 1);
    }
  }
});

Deno.test("linesWithin() reads nothing after its range", async () => {
  const lines = new Channel<{ number: number }>();
  lines.push(...[1, 2, 3, 4, 5].map((number) => ({ number })));
  const within = await Array.fromAsync(linesWithin(lines, { first: 2, end: 4 }));
  assertEquals(within, [{ number: 2 }, { number: 3 }]);
  assertEquals([lines.read, lines.returned], [3, true]);
});

Deno.test("linesWithin() reads nothing for an empty range", async () => {
  assertEquals(await Array.fromAsync(linesWithin(new Channel<Line>(), { first: 3, end: 3 })), []);
});

Deno.test("countLines() counts as readLines() does", async () => {
  const contents: Content[][] = [
    [],
    [""],
    ["\n"],
    ["a"],
    ["a\n"],
    ["a\n", "\n", "b"],
    ["a", "b\n"],
    [
      "\r\n\r\n",
    ],
    [[0xef, 0xbb, 0xbf]],
  ];
  for (const content of contents) {
    const lines = await Array.fromAsync(readLines(streamOf(...content)));
    assertEquals(await countLines(streamOf(...content)), lines.length, JSON.stringify(content));
  }
});
