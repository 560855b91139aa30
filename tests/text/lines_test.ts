import { assert, assertEquals } from "@std/assert";
import { type Line, type LineOptions, readLines } from "../../src/text/lines.ts";
import { type Content, streamOf } from "./streams.ts";

async function linesOf(stream: ReadableStream<Uint8Array>, options?: LineOptions): Promise<Line[]> {
  return await Array.fromAsync(readLines(stream, options));
}

async function textsOf(...chunks: readonly Content[]): Promise<string[]> {
  return (await linesOf(streamOf(...chunks))).map(({ text }) => text);
}

Deno.test("readLines() ends lines at LF and CRLF", async () => {
  assertEquals(await textsOf("a\nb\r\n\nc\rd\n"), ["a", "b", "", "c\rd"]);
});

Deno.test("readLines() gives a last line without end, and none for an empty stream", async () => {
  assertEquals(await textsOf("a\nb"), ["a", "b"]);
  assertEquals(await textsOf("a\nb\r"), ["a", "b"]);
  assertEquals(await textsOf("\n"), [""]);
  assertEquals(await textsOf(""), []);
  assertEquals(await textsOf(), []);
});

Deno.test("readLines() numbers lines from 1", async () => {
  const lines = await linesOf(streamOf("a\n", "b\nc", "\nd"));
  assertEquals(lines.map(({ number }) => number), [1, 2, 3, 4]);
});

Deno.test("readLines() does not mind where chunks end", async () => {
  const text = "été\r\n日本\n\n😀 x\nlast";
  const bytes = [...new TextEncoder().encode(text)];
  const expected = ["été", "日本", "", "😀 x", "last"];
  for (const size of [1, 2, 3, 5, 7, 100]) {
    const chunks: number[][] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    const lines = await linesOf(streamOf(...chunks));
    assertEquals(lines.map((line) => line.text), expected, `chunks of ${size}`);
    assert(lines.every((line) => !line.invalid && !line.truncated));
  }
});

Deno.test("readLines() marks lines that are not UTF-8, and only those", async () => {
  const bytes = [0x61, 0x0a, 0x62, 0xff, 0x63, 0x0a, 0xc3, 0xa9, 0x0a, 0xe2, 0x82, 0x0a, 0x64];
  const lines = await linesOf(streamOf(bytes));
  assertEquals(lines.map(({ text }) => text), ["a", "b\ufffdc", "é", "\ufffd", "d"]);
  assertEquals(lines.map(({ invalid }) => invalid), [false, true, false, true, false]);
});

Deno.test("readLines() takes U+FFFD in the text for what it is", async () => {
  const [line] = await linesOf(streamOf("a\ufffdb\n"));
  assertEquals(line, { number: 1, text: "a\ufffdb", invalid: false, truncated: false });
});

Deno.test("readLines() drops a byte order mark at the start and nowhere else", async () => {
  assertEquals(await textsOf("\ufeffa\n\ufeffb\n"), ["a", "\ufeffb"]);
  assertEquals(await textsOf([0xef], [0xbb], [0xbf, 0x61]), ["a"]);
});

Deno.test("readLines() cuts a line over the limit between characters", async () => {
  const options = { maxBytes: 5 };
  for (const chunks of [["aaéé\nbbbbb\ncccccc\r\nd"], ["aaé", "é\nbbb", "bb\nccccc", "c\r\nd"]]) {
    const lines = await linesOf(streamOf(...chunks), options);
    assertEquals(lines.map(({ text }) => text), ["aaé", "bbbbb", "ccccc", "d"]);
    assertEquals(lines.map(({ truncated }) => truncated), [true, false, true, false]);
    assert(lines.every(({ invalid }) => !invalid));
  }
});

Deno.test("readLines() keeps only the beginning of an endless line", async () => {
  const chunk = new Uint8Array(2 ** 16).fill(0x61);
  const stream = ReadableStream.from((function* () {
    for (let sent = 0; sent < 64; sent++) yield chunk;
    yield Uint8Array.of(0x0a, 0x62);
  })());
  const lines = await linesOf(stream, { maxBytes: 1000 });
  assertEquals(lines.map(({ text }) => text), ["a".repeat(1000), "b"]);
});

Deno.test("readLines() gives a line as soon as its end has arrived", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const lines = readLines(readable);
  const writing = writer.write(new TextEncoder().encode("first\nsec"));
  assertEquals((await lines.next()).value?.text, "first");
  await writing;
  const closing = writer.write(new TextEncoder().encode("ond")).then(() => writer.close());
  assertEquals((await lines.next()).value?.text, "second");
  await closing;
  assertEquals((await lines.next()).done, true);
});

Deno.test("readLines() cancels the stream when reading stops early", async () => {
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("x\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const _ of readLines(stream)) break;
  assert(cancelled);
});
