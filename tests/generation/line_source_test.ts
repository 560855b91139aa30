import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { type LineSourceOptions, openLines } from "../../src/generation/line_source.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { streamOf } from "../text/streams.ts";

const TEXT = "one\ntwo\r\n\nfour\nfive";

async function read(options: Partial<LineSourceOptions>) {
  const { lines, total } = await openLines({
    path: undefined,
    stdin: () => streamOf(TEXT),
    shard: undefined,
    count: false,
    ...options,
  });
  return { lines: await Array.fromAsync(lines, ({ number, text }) => `${number} ${text}`), total };
}

const ALL = ["1 one", "2 two", "3 ", "4 four", "5 five"];

Deno.test("openLines() reads standard input as it comes, uncounted", async () => {
  assertEquals(await read({ count: true }), { lines: ALL, total: undefined });
});

Deno.test("openLines() gives the shards of standard input, which joined are the whole", async () => {
  const shards = [];
  for (let index = 1; index <= 3; index++) shards.push(await read({ shard: { index, count: 3 } }));
  assertEquals(shards.map(({ total }) => total), [1, 2, 2]);
  assertEquals(shards.flatMap(({ lines }) => lines), ALL);
});

Deno.test(
  "openLines() reads files, whole or in shards",
  withFolder(async (folder) => {
    const path = `${folder}/input`;
    Deno.writeTextFileSync(path, TEXT);
    assertEquals(await read({ path, count: true }), { lines: ALL, total: 5 });
    assertEquals(await read({ path, count: false }), { lines: ALL, total: undefined });
    const shard = await read({ path, shard: { index: 2, count: 2 } });
    assertEquals(shard, { lines: ALL.slice(2), total: 3 });
  }),
);

Deno.test(
  "openLines() tells what cannot be read",
  withFolder(async (folder) => {
    await assertRejects(() => read({ path: `${folder}/none` }), UserError, "there is no such file");
    await assertRejects(() => read({ path: folder }), UserError, `Cannot read input "${folder}"`);
    const torn = () =>
      new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error("torn")) });
    await assertRejects(() => read({ stdin: torn }), UserError, "Cannot read standard input: torn");
  }),
);
