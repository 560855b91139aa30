import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { trainBpe } from "../../src/text/bpe_trainer.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { writeManifest } from "../../src/host/manifest.ts";
import { dataKey, TokenCache } from "../../src/training/token_cache.ts";
import { withFolder } from "../denoiser/test_files.ts";

const LIMITS = { maxSourceTokens: 12, targetSlots: 16 };
const WORDS = ["the", "dog", "runs", "after", "a", "red", "ball", "in", "deep", "snow"];

/** More pairs than one block of the cache, of varying length. */
const PAIRS = Array.from({ length: 200 }, (_, i) => ({
  source: WORDS.slice(i % 7, i % 7 + 1 + i % 3).join(" "),
  target: WORDS.slice(i % 5, i % 5 + 1 + i % 4).join(" ") + ` ${i}`,
}));

async function sampleTokenizer(): Promise<Tokenizer> {
  const json = await trainBpe(WORDS.join(" ").split(" "), { vocabSize: 300, minFrequency: 1 });
  return await parseTokenizer(json, "tokenizer.json");
}

/** Writes two aligned files and describes them. */
function writeData(folder: string, name: string, pairs: typeof PAIRS = PAIRS) {
  const write = (side: "source" | "target") => {
    const path = `${folder}/${name}.${side}`;
    Deno.writeTextFileSync(path, pairs.map((pair) => `${pair[side]}\n`).join(""));
    return path;
  };
  return {
    format: "text",
    sourceFile: write("source"),
    targetFile: write("target"),
    groupSources: false,
  } as const;
}

Deno.test(
  "TokenCache gives the ids of every pair, framed, and its line",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train");
    using cache = await TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS);
    const { eos } = tokenizer.special;
    assertEquals(cache.size, 200);
    for (const i of [0, 63, 64, 65, 199, 7]) {
      const { source, target } = PAIRS[i]!;
      const read = cache.read(i);
      assertEquals([...read.source], [...tokenizer.encode(source), eos]);
      assertEquals([...read.target], [...tokenizer.encode(target), eos]);
      assertEquals([cache.sourceLengths[i], cache.targetLengths[i]], [
        read.source.length,
        read.target.length,
      ]);
      assertEquals(cache.line(i), i + 1);
    }
    assertEquals([cache.summary.cutSources, cache.summary.cutTargets], [0, 0]);
  }),
);

Deno.test(
  "TokenCache cuts and counts what is over the limits, and keeps the end token",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train", [
      { source: "the dog runs after a red ball", target: "the dog" },
      { source: "the dog", target: "the dog runs after a red ball" },
    ]);
    const limits = { maxSourceTokens: 4, targetSlots: 5 };
    using cache = await TokenCache.open(`${folder}/cache`, spec, tokenizer, limits);
    const { eos } = tokenizer.special;
    const long = tokenizer.encode("the dog runs after a red ball");
    assertEquals([...cache.read(0).source], [...long.slice(0, 3), eos]);
    assertEquals([...cache.read(1).target], [...long.slice(0, 4), eos]);
    assertEquals(cache.summary, {
      pairs: 2,
      leftOut: 0,
      cutSources: 1,
      cutTargets: 1,
      longestSource: long.length + 1,
      longestTarget: long.length + 1,
    });
  }),
);

Deno.test(
  "TokenCache leaves out pairs with an empty side, and counts them",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const whole = { source: "the dog", target: "a ball" };
    const spec = writeData(folder, "train", [
      { source: "", target: "the dog" },
      whole,
      { source: "the dog", target: " \u00a0" },
      whole,
    ]);
    using cache = await TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS);
    assertEquals([cache.summary.pairs, cache.summary.leftOut], [2, 2]);
    assertEquals([cache.line(0), cache.line(1)], [2, 4]);
    // Who went on with them would train on other pairs.
    const key = await dataKey(spec, tokenizer, LIMITS);
    assertEquals(cache.key, `${key}-2`);
    const none = writeData(folder, "none", [{ source: " ", target: "x" }]);
    await assertRejects(
      () => TokenCache.open(`${folder}/cache`, none, tokenizer, LIMITS),
      UserError,
      "one side of each of its pairs is empty; expected text on both",
    );
  }),
);

Deno.test(
  "TokenCache makes anew what does not say how many pairs were left out",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train", [{ source: "the dog", target: "a ball" }]);
    const open = () => TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS);
    const { key } = await open().then((cache) => {
      using opened = cache;
      return { key: opened.key };
    });
    const path = `${folder}/cache/${key}`;
    const { leftOut: _, ...older } = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`));
    Deno.writeTextFileSync(`${path}/summary.json`, JSON.stringify(older));
    writeManifest(path, ["summary.json", "ids.bin", "lengths.bin", "lines.bin"]);
    using cache = await open();
    assertEquals([cache.key, cache.summary.leftOut], [key, 0]);
  }),
);

Deno.test(
  "TokenCache puts the beginning token first where the tokenizer has one",
  withFolder(async (folder) => {
    const plain = await sampleTokenizer();
    const framed: Tokenizer = {
      kind: plain.kind,
      vocabSize: plain.vocabSize,
      special: { ...plain.special, bos: 1 },
      encode: (text) => plain.encode(text),
      decode: (ids) => plain.decode(ids),
      tokenText: (id) => plain.tokenText(id),
      toJson: () => plain.toJson(),
    };
    const spec = writeData(folder, "train", [{ source: "the dog", target: "a ball" }]);
    using cache = await TokenCache.open(`${folder}/cache`, spec, framed, LIMITS);
    assertEquals([...cache.read(0).source], [
      1,
      ...plain.encode("the dog"),
      plain.special.eos,
    ]);
    assertEquals([...cache.read(0).target], [...plain.encode("a ball"), plain.special.eos]);
  }),
);

Deno.test(
  "TokenCache.open() tokenises once, wherever the files lie",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    let built = 0;
    const open = async (name: string) => {
      const spec = writeData(folder, name);
      using _cache = await TokenCache.open(
        `${folder}/cache`,
        spec,
        tokenizer,
        LIMITS,
        { onBuild: () => built++ },
      );
    };
    await open("first");
    await open("second");
    assertEquals(built, 1);
    assertEquals([...Deno.readDirSync(`${folder}/cache`)].length, 1);
  }),
);

Deno.test(
  "dataKey() changes with the content, the limits, the way of reading and the tokenizer",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train");
    const key = await dataKey(spec, tokenizer, LIMITS);
    assertNotEquals(await dataKey(spec, tokenizer, { ...LIMITS, targetSlots: 15 }), key);
    const other = await trainBpe(WORDS, { vocabSize: 270, minFrequency: 1 });
    assertNotEquals(await dataKey(spec, await parseTokenizer(other, ""), LIMITS), key);
    const changed = writeData(folder, "changed", [...PAIRS.slice(1), PAIRS[0]!]);
    assertNotEquals(await dataKey(changed, tokenizer, LIMITS), key);
    const swapped = { ...spec, sourceFile: spec.targetFile, targetFile: spec.sourceFile };
    assertNotEquals(await dataKey(swapped, tokenizer, LIMITS), key);
  }),
);

Deno.test(
  "TokenCache.open() makes a damaged cache anew",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train");
    let built = 0;
    const open = () =>
      TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS, { onBuild: () => built++ });
    const key = await dataKey(spec, tokenizer, LIMITS);
    (await open())[Symbol.dispose]();
    const files = [...Deno.readDirSync(`${folder}/cache/${key}`)].map(({ name }) => name).sort();
    assertEquals(files, ["ids.bin", "lengths.bin", "lines.bin", "manifest.json", "summary.json"]);
    for (const file of files) {
      const path = `${folder}/cache/${key}/${file}`;
      const damages = [
        () => Deno.truncateSync(path, Deno.statSync(path).size - 3),
        () => Deno.truncateSync(path, 0),
        () => {
          const bytes = Deno.readFileSync(path);
          bytes[Math.floor(bytes.length / 2)]! ^= 0x5a;
          Deno.writeFileSync(path, bytes);
        },
        () => Deno.removeSync(path),
      ];
      for (const damage of damages) {
        built = 0;
        damage();
        using cache = await open();
        assertEquals(built, 1, file);
        assertEquals([...cache.read(7).source], [
          ...tokenizer.encode(PAIRS[7]!.source),
          tokenizer.special.eos,
        ]);
        assertEquals([...Deno.readDirSync(`${folder}/cache`)].map(({ name }) => name), [key]);
      }
    }
  }),
);

Deno.test(
  "TokenCache.open() removes what a killed writer left, and not what a living one writes",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train");
    const key = await dataKey(spec, tokenizer, LIMITS);
    const names = ["dead", "live"].map((_, i) => `${key}.tmp-${i + 1}-0123abcd`);
    for (const name of names) {
      Deno.mkdirSync(`${folder}/cache/${name}`, { recursive: true });
      Deno.writeTextFileSync(`${folder}/cache/${name}/ids.bin`, "");
    }
    using living = Deno.openSync(`${folder}/cache/${names[1]}/ids.bin`, { write: true });
    living.lockSync(true);
    using _cache = await TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS);
    assertEquals(
      Array.from(Deno.readDirSync(`${folder}/cache`), ({ name }) => name).sort(),
      [key, names[1]],
    );
  }),
);

Deno.test(
  "TokenCache.open() leaves nothing behind where the data are damaged",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = writeData(folder, "train");
    Deno.writeTextFileSync(spec.targetFile, "one line\n");
    const error = await assertRejects(
      () => TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS),
      UserError,
    );
    assertStringIncludes(error.message, "200 lines against 1");
    assertEquals([...Deno.readDirSync(`${folder}/cache`)], []);
  }),
);

Deno.test(
  "TokenCache.open() names a file that does not exist",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const spec = { ...writeData(folder, "train"), sourceFile: `${folder}/nothing` };
    const error = await assertRejects(
      () => TokenCache.open(`${folder}/cache`, spec, tokenizer, LIMITS),
      UserError,
    );
    assertEquals(error.message, `Cannot read "${folder}/nothing": there is no such file`);
    assertEquals(error.exitCode, ExitCode.data);
  }),
);

Deno.test(
  "TokenCache.open() refuses limits that leave no room for text",
  withFolder(async (folder) => {
    const tokenizer = await sampleTokenizer();
    const limits = { maxSourceTokens: 1, targetSlots: 16 };
    await assertRejects(
      () => TokenCache.open(`${folder}/cache`, writeData(folder, "train"), tokenizer, limits),
      UserError,
      "leave no room for text",
    );
  }),
);
