/** The library as programs import it, held against the commands. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { makeProgram } from "../src/cli/program.ts";
import { formatResult } from "../src/generation/format.ts";
import { processEnvironment } from "../src/host/environment.ts";
import {
  corpusBleu,
  corpusChrf,
  corpusCider,
  corpusCocoBleu,
  corpusRouge,
  corpusTer,
  ExitCode,
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationResult,
  mbr,
  Model,
  ngramUtility,
  score,
  SelectionPool,
  selfBleu,
  train,
  UserError,
  type Utility,
  words,
} from "../src/mod.ts";
import { withShell } from "./cli/shell.ts";
import { withFolder } from "./denoiser/test_files.ts";
import { withTinyModel } from "./generation/tiny_model.ts";
import { writeRun } from "./training/sample_run.ts";

const QUICK: Partial<GenerateOptions> = { steps: 3, maxWait: 0 };
const LINES = ["a dog", "", "the red house", "a man walks in the street"];

/** Shares of words in common. */
const overlap = ngramUtility({
  maxOrder: 1,
  split: words,
  score: (matches, m, reference, r) => reference[r]! === 0 ? 0 : matches[m]! / reference[r]!,
});

Deno.test("deno doc finds nothing to complain about in src/mod.ts", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "src/mod.ts"],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
});

Deno.test(
  "src/mod.ts works in a program elsewhere, with a configuration of its own",
  withFolder(async (folder) => {
    const mod = new URL("../src/mod.ts", import.meta.url).href;
    Deno.writeTextFileSync(`${folder}/deno.json`, "{}");
    Deno.writeTextFileSync(
      `${folder}/program.ts`,
      `import { mbr } from ${JSON.stringify(mod)};
       console.log(mbr(["a b", "c", "a b"]).index);`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-prompt", "--cached-only", "program.ts"],
      cwd: folder,
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([text(stderr), text(stdout)], ["", "0\n"]);
  }),
);

Deno.test("packages that sources name are those that set-up fetches", () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
  const named = [...sourceTexts()].flatMap((text) =>
    Array.from(text.matchAll(/from "(npm:[^"]+)"/g), ([, specifier]) => specifier!)
  );
  assert(named.length >= 3);
  for (const specifier of named) assert(Object.values(imports).includes(specifier), specifier);
});

/** The sources that can be imported from elsewhere. */
function* sourceTexts(folder = new URL("../src/", import.meta.url)): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sourceTexts(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield Deno.readTextFileSync(new URL(name, folder));
  }
}

Deno.test("functions refuse options that they do not have, by name", async () => {
  // As programs give them that no compiler has checked.
  const wrong = <T>(options: Record<string, unknown>) => options as T;
  await assertRejects(
    () => train("none.toml", wrong({ maxStep: 1 })),
    UserError,
    'option "maxStep" of train(): did you mean "maxSteps"?',
  );
  await assertRejects(
    () => Model.load("none", wrong({ devcie: "cpu" })),
    UserError,
    'option "devcie" of Model.load(): did you mean "device"?',
  );
  const texts = ["a cat sat", "a cat sits"], truths = [["a cat"], ["a cat"]];
  const refused = (call: () => unknown, message: string) => assertThrows(call, UserError, message);
  refused(() => mbr(texts, wrong({ utilty: "chrf" })), 'option "utilty" of mbr(): did you mean');
  refused(() => mbr(texts, wrong({ utility: "blue" })), 'utility "blue" of mbr(): expected one of');
  refused(() => mbr(texts, wrong({ method: "fast" })), 'method "fast" of mbr()');
  using pool = new SelectionPool(2);
  const long = texts.map((text) => text.repeat(2000));
  await assertRejects(() => pool.select(long, wrong({ treads: 1 })), UserError, '"treads"');
  const systems = [{ name: "one", hypotheses: texts }];
  const scored = (options: Record<string, unknown>) =>
    score({ systems, references: truths }, wrong({ metrics: ["bleu"], ...options }));
  refused(() => scored({ lowercas: true }), 'option "lowercas" of score(): did you mean');
  refused(() => scored({ metrics: ["blue"] }), 'metric "blue" of score(): expected one of "bleu"');
  refused(() => scored({ tokenize: "13b" }), 'tokenize "13b" of score()');
  const single = { corpusBleu, corpusChrf, corpusTer, corpusRouge, corpusCider, corpusCocoBleu };
  for (const [name, measure] of Object.entries(single)) {
    refused(() => measure(texts, truths, wrong({ lowrcase: true })), 'option "lowrcase" of ');
    assert(measure(texts, truths) !== undefined, name);
  }
  refused(() => corpusBleu(texts, truths, wrong({ tokenize: "x" })), 'tokenize "x" of BLEU');
  refused(() => selfBleu(texts, wrong({ smooth: "exp" })), 'option "smooth" of BLEU');
  refused(() => ngramUtility(wrong({ maxOder: 2 })), 'option "maxOder" of ngramUtility()');
});

Deno.test(
  "train() takes a configuration as an object, and names what is wrong in one",
  withFolder(async (folder) => {
    writeRun(folder);
    const data = { train: { format: "tsv", file: `${folder}/dev.tsv` } } as const;
    const settings = {
      data,
      tokenizer: { vocabulary_size: 270 },
      text: { target_slots: 12, max_source_tokens: 8 },
      network: {
        embedding_size: 8,
        hidden_size: 16,
        encoder_layers: 1,
        decoder_layers: 1,
        attention_heads: 2,
        max_positions: 12,
      },
      training: { steps: 2, batch_size: 4, accumulation: 1, threads: 1, device: "cpu" },
    };
    const path = await train(settings, { output: `${folder}/run`, set: ["training.seed=2"] });
    using model = await Model.load(path);
    assertEquals(model.config.network.hidden_size, 16);
    await assertRejects(() => train(settings), UserError, "give options.output");
    const wrong = { data, training: { stpes: 2 } } as unknown as typeof settings;
    await assertRejects(
      () => train(wrong, { output: `${folder}/other` }),
      UserError,
      'unknown key "training.stpes": did you mean "training.steps"?',
    );
  }),
);

Deno.test(
  "Model.generate() gives what ardiff generate writes",
  withShell(async ({ folder, run, write }) => {
    write("in", LINES.map((line) => `${line}\n`).join(""));
    const command = "ardiff generate -m model --device cpu -i in --format jsonl";
    const { stdout } = await run(`${command} --steps 3 -k 4 --select mixture --seed 7`);
    using model = await Model.load(`${folder}/model`, { device: { kind: "cpu", index: 0 } });
    const options = { candidates: 4, select: "mixture", scores: true, seed: 7n } as const;
    const results = await Array.fromAsync(model.generate(LINES, { ...QUICK, ...options }));
    assertEquals(
      results.map((result) => `${formatResult(result, "jsonl", 7n)}\n`).join(""),
      stdout,
    );
  }),
);

Deno.test("GENERATION_DEFAULTS are those of ardiff generate", async () => {
  const program = makeProgram(processEnvironment()) as unknown as CommandUnknownOpts;
  const command = program.commands.find((command) => command.name() === "generate")!;
  command.action(() => {});
  await program.parseAsync(["generate", "--model", "any"], { from: "user" });
  const { maxRows: _, ...defaults } = GENERATION_DEFAULTS;
  const values = command.opts() as Record<string, unknown>;
  const compared = Object.keys(defaults).map((name) => [name, values[name]]);
  assertEquals(Object.fromEntries(compared), defaults);
});

Deno.test(
  "Model.generate() takes a line, a list of lines and a stream of lines",
  withTinyModel(async (loaded) => {
    const model = new Model(loaded);
    const texts = async (lines: Parameters<Model["generate"]>[0]) =>
      (await Array.fromAsync(model.generate(lines, QUICK))).map(({ text }) => text);
    const expected = await texts(LINES);
    assertEquals(expected.length, LINES.length);
    assertEquals(await texts(ReadableStream.from(LINES)), expected);
    assertEquals(await texts(LINES[0]!), expected.slice(0, 1));
  }),
);

Deno.test(
  "Model.generate() tells sources, candidates and scores, and chooses as mbr() does",
  withTinyModel(async (loaded) => {
    const model = new Model(loaded);
    for (const utility of ["chrf", overlap] as const) {
      const options = { ...QUICK, candidates: 6, utility, scores: true };
      const [result] = await Array.fromAsync(model.generate("the red house", options)) as [
        GenerationResult,
      ];
      const texts = result.candidates.map(({ text }) => text);
      const { index, expectedUtility } = mbr(texts, { utility });
      assertEquals([result.source, result.chosen], ["the red house", index]);
      assertEquals(result.text, texts[index]);
      assertEquals(result.candidates.map(({ utility }) => utility), [...expectedUtility]);
      assert(result.candidates.every(({ logProbability }) => logProbability! <= 0));
    }
  }),
);

Deno.test(
  "Model.generate() ends where a signal says so, or nobody listens",
  withTinyModel(async (loaded) => {
    const model = new Model(loaded);
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => model.generate(LINES, QUICK, signal).next(), Error, "enough");
    for await (const { source } of model.generate(LINES, QUICK)) {
      assertEquals(source, LINES[0]);
      break;
    }
  }),
);

Deno.test(
  "Model.generate() refuses counts that are none",
  withTinyModel(async (loaded) => {
    const model = new Model(loaded);
    for (const options of [{ candidates: 0 }, { batchSize: 1.5 }, { maxRows: NaN }]) {
      const [name, value] = Object.entries(options)[0]!;
      await assertRejects(
        () => model.generate(LINES, options).next(),
        RangeError,
        `Cannot generate with ${name} ${value}: expected a positive integer`,
      );
    }
  }),
);

Deno.test("Model.load() tells what is wrong with a folder", async () => {
  const error = await assertRejects(() => Model.load("/nowhere"), UserError, "/nowhere");
  assertEquals(error.exitCode, ExitCode.model);
});

Deno.test("mbr() takes a utility of one's own, in a pool too", async () => {
  const candidates = ["a cat sat", "a cat sits here", "dogs run", "a cat"];
  // By recall of the candidate's words: "a cat" is found in two others as a whole.
  assertEquals(mbr(candidates, { utility: overlap }).index, 3);
  using pool = new SelectionPool(2);
  const long = candidates.map((text) => `${text} ${"and so on ".repeat(200)}`);
  assertEquals(await pool.select(long, { utility: overlap }), mbr(long, { utility: overlap }));
});

Deno.test("mbr() takes a utility by BLEU unless told otherwise", () => {
  const candidates = ["a cat sat on the mat", "a cat sat on a mat", "dogs run"];
  assertEquals(mbr(candidates), mbr(candidates, { utility: "bleu", method: "exact" }));
});

Deno.test("mbr() cannot aggregate a utility without mean statistics", () => {
  const lengths: Utility = {
    compile: (texts) => ({
      size: texts.length,
      compare: (_, others, asReference, asHypothesis) =>
        others.forEach((_, i) => asReference[i] = asHypothesis[i] = 0.5),
      self: () => 1,
    }),
  };
  const choose = () => mbr(["a", "b"], { utility: lengths, method: "aggregate" });
  assertThrows(choose, RangeError, "Cannot aggregate");
});

Deno.test("score() and corpusBleu() agree", () => {
  const hypotheses = ["a dog runs in the park", "the cat sat on a mat today"];
  const references = [["a dog runs in a park"], ["the cat sat on the mat today"]];
  const { systems } = score({ systems: [{ name: "one", hypotheses }], references }, {
    metrics: ["bleu"],
  });
  assertEquals(systems[0]!.scores[0]!.score, corpusBleu(hypotheses, references).score);
});

Deno.test(
  "train() makes a model that Model.load() takes",
  withFolder(async (folder) => {
    const path = await train(writeRun(folder), { output: `${folder}/run`, maxSteps: 2 });
    assertEquals(path, `${folder}/run/model`);
    using model = await Model.load(path, { threads: 1 });
    const results = await Array.fromAsync(model.generate(["dog cat", ""], QUICK));
    assertEquals(results.map(({ source }) => source), ["dog cat", ""]);
  }),
);
