import { assertEquals, assertRejects } from "@std/assert";
import { NOTICES, PACKED, PACKED_FILES, unpackData } from "../../scripts/unpack_data.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { withFolder } from "../denoiser/test_files.ts";

const FILES = [...PACKED_FILES, ...NOTICES].sort();

Deno.test(
  "unpackData() unpacks the data sets of the repository, then leaves them alone",
  withFolder(async (folder) => {
    const first = await unpackData(PACKED, folder);
    assertEquals(first.map(({ name }) => name).sort(), FILES);
    assertEquals(first.every(({ kept }) => !kept), true);
    assertEquals((await unpackData(PACKED, folder)).every(({ kept }) => kept), true);
    const lines = (name: string) =>
      Deno.readTextFileSync(`${folder}/${name}`).split("\n").length - 1;
    assertEquals(lines("commongen/train.src"), 67_384);
    assertEquals(lines("commongen/train.tgt"), 67_384);
    assertEquals(lines("commongen/dev.jsonl"), 993);
    assertEquals(lines("tatoeba-en-fr/train.tsv"), 137_040);
    assertEquals(lines("tatoeba-en-fr/dev.tsv"), 2_776);
  }),
);

Deno.test(
  "unpackData() replaces an unpacked file that was changed",
  withFolder(async (folder) => {
    await unpackData(PACKED, folder);
    Deno.writeTextFileSync(`${folder}/tatoeba-en-fr/dev.tsv`, "Hello\tBonjour\n", { append: true });
    const again = await unpackData(PACKED, folder);
    const replaced = again.filter(({ kept }) => !kept).map(({ name }) => name);
    assertEquals(replaced, ["tatoeba-en-fr/dev.tsv"]);
  }),
);

/** A packed set of one file, damaged by `damage`. */
function packedWith(folder: string, damage: (packed: string) => void): string {
  const packed = `${folder}/packed`;
  Deno.mkdirSync(`${packed}/tatoeba-en-fr`, { recursive: true });
  const name = "tatoeba-en-fr/dev.tsv";
  Deno.copyFileSync(`${PACKED}/${name}.br`, `${packed}/${name}.br`);
  const sum = Deno.readTextFileSync(`${PACKED}/SHA256SUMS`).split("\n").find((line) =>
    line.endsWith(name)
  );
  Deno.writeTextFileSync(`${packed}/SHA256SUMS`, `${sum}\n`);
  damage(packed);
  return packed;
}

for (
  const [what, damage, problem] of [
    [
      "a truncated file",
      (packed) => Deno.truncateSync(`${packed}/tatoeba-en-fr/dev.tsv.br`, 20_000),
      "is damaged",
    ],
    [
      "a file that is not the one that was packed",
      (packed) =>
        Deno.copyFileSync(
          `${PACKED}/commongen/dev.jsonl.br`,
          `${packed}/tatoeba-en-fr/dev.tsv.br`,
        ),
      "expected 91fcbaf1",
    ],
    [
      "a missing file",
      (packed) => Deno.removeSync(`${packed}/tatoeba-en-fr/dev.tsv.br`),
      "Cannot read",
    ],
    [
      "a damaged list of checksums",
      (packed) => Deno.writeTextFileSync(`${packed}/SHA256SUMS`, "91fc  tatoeba-en-fr/dev.tsv\n"),
      'bad line "91fc  tatoeba-en-fr/dev.tsv"',
    ],
  ] as [string, (packed: string) => void, string][]
) {
  Deno.test(
    `unpackData() refuses ${what} and writes nothing`,
    withFolder(async (folder) => {
      const packed = packedWith(folder, damage);
      const target = `${folder}/target`;
      const error = await assertRejects(() => unpackData(packed, target), UserError, problem);
      assertEquals(error.exitCode, ExitCode.data);
      await assertRejects(() => Deno.stat(target), Deno.errors.NotFound);
    }),
  );
}
