/** Distillation from a model and from files, stopped and not, whole and in shards. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { distill, type DistillCommandOptions } from "../../../src/commands/distill.ts";
import { ExitCode, UserError } from "../../../src/errors.ts";
import { defaultsOf, GENERATION_OPTIONS, LOAD_OPTIONS } from "../../../src/generation/options.ts";
import { parseDataSpec } from "../../../src/text/data_spec.ts";
import { distill as distillPairs } from "../../../src/training/distill/distill.ts";
import { withFolder } from "../../denoiser/test_files.ts";
import { writeTinyModel } from "../../generation/tiny_model.ts";

const PLAIN = {
  ...defaultsOf(GENERATION_OPTIONS),
  ...defaultsOf(LOAD_OPTIONS),
  select: "first",
  candidates: 3,
  steps: 4,
  threads: 1,
  keep: "nearest",
  references: 0,
} as const;

async function run(
  options: Omit<DistillCommandOptions, keyof typeof PLAIN> & Partial<DistillCommandOptions>,
) {
  let stderr = "";
  await distill({ ...PLAIN, ...options }, {
    stderr: (text) => void (stderr += text),
    interactive: false,
  });
  return stderr;
}

const read = (path: string) => Deno.readTextFileSync(path);
const pairsOf = (path: string) =>
  read(path).trimEnd().split("\n").map((line) => line.split("\t") as [string, string]);

/** Sources of the tiny model's few words, one of them twice, and a pair with an empty side. */
function writeData(folder: string): string {
  const lines = [
    "a dog\tun chien",
    "a cat and a dog\tun chat et un chien",
    "a dog\tle chien",
    "\tvide",
    "the end\tla fin",
    "snow falls\tla neige tombe",
  ];
  Deno.writeTextFileSync(`${folder}/train.tsv`, `${lines.join("\n")}\n`);
  return `${folder}/train.tsv`;
}

Deno.test(
  "ardiff distill writes pairs with a manifest, in shards as in one, and only once",
  withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    const data = [writeData(folder)];
    const model = `${folder}/model`;
    const output = `${folder}/all.tsv`;
    const stderr = await run({ data, model, output });
    assertStringIncludes(stderr, "5 lines of 6 pairs, of which 1 had an empty side; ");
    const pairs = pairsOf(output);
    assertEquals(pairs.map(([source]) => source), [
      "a dog",
      "a cat and a dog",
      "a dog",
      "the end",
      "snow falls",
    ]);
    const manifest = JSON.parse(read(`${output}.manifest.json`));
    assertEquals(
      [manifest.pairs, manifest.empty_pairs, manifest.lines, manifest.candidates, manifest.seed],
      [6, 1, 5, 3, "0"],
    );
    assertEquals(Object.keys(manifest.weights), [
      "model.safetensors",
      "config.json",
      "tokenizer.json",
    ]);
    assertEquals([manifest.top_p, manifest.batch_size, manifest.dtype], [1, undefined, "f32"]);
    assert(/^[0-9a-f]{64}$/.test(manifest.sha256) && manifest.mean_chrf >= 0);

    for (const index of [1, 2, 3]) {
      await run({
        data,
        model,
        output: `${folder}/part-${index}.tsv`,
        shard: { index, count: 3 },
      });
    }
    const parts = [1, 2, 3].map((index) => read(`${folder}/part-${index}.tsv`)).join("");
    assertEquals(parts, read(output));
    assertStringIncludes(await run({ data, model, output }), "is there already");
  }),
);

Deno.test(
  "ardiff distill takes outputs of other systems, and keeps a share of references",
  withFolder(async (folder) => {
    const data = [writeData(folder)];
    const outputs = `${folder}/nbest.txt`;
    const nearest = ["un chien", "un chat et chien", "un chien", "x", "fin", "neige"];
    Deno.writeTextFileSync(
      outputs,
      nearest.flatMap((text, i) => [`${i} ||| zzz`, `${i} ||| ${text} ||| -1`]).join("\n"),
    );
    const output = `${folder}/out.tsv`;
    await run({ data, outputs, output });
    assertEquals(pairsOf(output), [
      ["a dog", "un chien"],
      ["a cat and a dog", "un chat et chien"],
      ["a dog", "un chien"],
      ["the end", "fin"],
      ["snow falls", "neige"],
    ]);
    let stderr = "";
    await distill(
      { ...PLAIN, keep: "all", references: 0.5, data, outputs, output: `${folder}/mixed.jsonl` },
      { stderr: (text) => void (stderr += text), interactive: false },
    );
    const lines = read(`${folder}/mixed.jsonl`).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const manifest = JSON.parse(read(`${folder}/mixed.jsonl.manifest.json`));
    assertEquals(manifest.references, 0.5);
    const references = manifest.kept_references;
    assert(references > 0 && references < 5, stderr);
    assertEquals(lines.length, 2 * 5 - references);
  }),
);

Deno.test(
  "ardiff distill --keep consensus gives a source one target, the one nearest to all its references",
  withFolder(async (folder) => {
    const data = [writeData(folder)];
    const outputs = `${folder}/outputs.txt`;
    Deno.writeTextFileSync(outputs, "un chien noir\nle chien\n".repeat(6));
    const output = `${folder}/out.tsv`;
    await run({ data, outputs, output, candidates: 2, keep: "consensus" });
    // The second reference of "a dog" is one of the candidates; the first one's nearest is the other.
    const ofDog = pairsOf(output).filter(([source]) => source === "a dog");
    assertEquals(ofDog, [["a dog", "le chien"], ["a dog", "le chien"]]);
    const nearest = `${folder}/nearest.tsv`;
    await run({ data, outputs, output: nearest, candidates: 2 });
    assertEquals(pairsOf(nearest)[0], ["a dog", "un chien noir"]);
  }),
);

Deno.test(
  "distill() that is stopped goes on, and writes what it would have written at once",
  withFolder(async (folder) => {
    const lines = Array.from({ length: 2500 }, (_, i) => `source ${i}\ttarget ${i}\n`);
    Deno.writeTextFileSync(`${folder}/train.tsv`, lines.join(""));
    const data = parseDataSpec({ format: "tsv", file: `${folder}/train.tsv` }, "data");
    const work = (output: string, failAt = Infinity) => {
      let asked = 0;
      return distillPairs({
        candidates(block) {
          asked += block.length;
          if (asked > failAt) throw new Error("killed");
          return Promise.resolve(block.map(({ index }) => [`target ${index}!`, "other"]));
        },
      }, {
        data,
        range: { first: 0, end: 2500 },
        keep: "nearest",
        references: 0.1,
        seed: 0n,
        output: `${folder}/${output}`,
        settings: {},
        onProgress: () => {},
        seal: () => {},
      }).then((counts) => ({ counts, asked }));
    };
    const whole = await work("whole.tsv");
    await assertRejects(() => work("stopped.tsv", 1900), Error, "killed");
    const rest = await work("stopped.tsv");
    assert(rest.asked < 1500, `${rest.asked}`);
    assertEquals(rest.counts, whole.counts);
    assertEquals(read(`${folder}/stopped.tsv`), read(`${folder}/whole.tsv`));
    assertEquals(whole.counts.pairs, 2500);
  }),
);

Deno.test(
  "ardiff distill says what it needs",
  withFolder(async (folder) => {
    const data = [writeData(folder)];
    const failure = async (options: object) => {
      const output = `${folder}/out.tsv`;
      const error = await assertRejects(() => run({ data, output, ...options }), UserError);
      assertEquals(error.exitCode, ExitCode.usage);
      return error.message;
    };
    assertStringIncludes(await failure({}), "Cannot distil from nothing: expected a model");
    assertStringIncludes(await failure({ model: "x", outputs: "y" }), "from two systems at once");
    Deno.writeTextFileSync(`${folder}/plain.txt`, "a\n".repeat(18));
    assertStringIncludes(
      await failure({ outputs: `${folder}/plain.txt`, output: `${folder}/out.txt` }),
      "expected a name that ends in .tsv or .jsonl",
    );
    Deno.writeTextFileSync(`${folder}/plain.txt`, "a\n".repeat(9));
    const error = await assertRejects(
      () => run({ data, outputs: `${folder}/plain.txt`, output: `${folder}/out.tsv` }),
      UserError,
    );
    assertStringIncludes(error.message, "it has outputs of 3 pairs, and the data have more");
  }),
);
