import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import {
  findChangedKeys,
  parseTrainingConfig,
  type TrainingConfig,
} from "../../src/training/config.ts";
import type { Option } from "../../src/training/option.ts";
import { describeOptions, OPTIONS } from "../../src/training/options.ts";
import { trainingAt } from "../../src/training/schedules.ts";

const MINIMAL = `
[data.train]
format = "text"
source_file = "train.src"
target_file = "train.tgt"
`;

const parse = (toml: string, settings: string[] = []) =>
  parseTrainingConfig(toml, "run.toml", settings);

function failure(toml: string, settings: string[] = []): string {
  return assertThrows(() => parse(toml, settings), UserError).message;
}

Deno.test("parseTrainingConfig() needs two text files and nothing else", () => {
  const config = parse(MINIMAL);
  assertEquals(config.data, {
    train: [{
      spec: {
        format: "text",
        sourceFile: "train.src",
        targetFile: "train.tgt",
        groupSources: false,
      },
      from: 0,
      until: null,
    }],
    dev: null,
  });
});

Deno.test("parseTrainingConfig() fills in the paper's CommonGen run", () => {
  const { text, network, diffusion, training } = parse(MINIMAL);
  assertEquals(text.target_slots, 54);
  assertEquals(
    [network.hidden_size, network.encoder_ffn_size, network.attention_heads],
    [128, 512, 8],
  );
  assertEquals(
    [network.embedding_size, network.encoder_layers, network.decoder_layers],
    [64, 6, 6],
  );
  assertEquals([diffusion.steps, diffusion.noise_schedule, diffusion.timesteps], [
    2000,
    "sqrt",
    "token",
  ]);
  assertEquals([diffusion.anchor_scale, diffusion.noise_factor], [2, 1]);
  assertEquals([training.batch_size, training.accumulation], [128, 24]);
  assertEquals([training.steps, training.learning_rate, training.warmup_steps], [
    40_000,
    3e-4,
    4000,
  ]);
  assertEquals([training.decay, training.weight_decay, training.dropout], ["constant", 0, 0.2]);
  assertEquals([training.ema_decay, training.ema_warmup], [0.9999, false]);
  assertEquals([training.rounding_loss, training.padding_weight], ["x0", 1]);
});

Deno.test("every option's default is a value that it accepts", () => {
  for (const [section, options] of Object.entries(OPTIONS)) {
    for (const [name, option] of Object.entries(options as Record<string, Option<unknown>>)) {
      assert(option.type.accepts(option.default), `${section}.${name}`);
    }
  }
});

Deno.test("describeOptions() describes every option of every section", () => {
  const docs = describeOptions();
  const count = Object.values(OPTIONS).reduce(
    (sum, section) => sum + Object.keys(section).length,
    0,
  );
  assertEquals(docs.length, count);
  for (const { name, text, source } of docs) {
    assert(text.endsWith(".") && source !== "", name);
  }
  assertEquals(
    docs.find(({ name }) => name === "training.beta1"),
    {
      name: "training.beta1",
      default: "0.9",
      expected: "a number from 0 to 0.9999999",
      source: "AdamW, PyTorch",
      text: "Decay of the first moment.",
    },
  );
});

Deno.test("parseTrainingConfig() takes --set over the file, whatever the value's type", () => {
  const config = parse(`${MINIMAL}\n[training]\nsteps = 5`, [
    "training.steps=7",
    "training.learning_rate = 2e-3",
    "network.embedding_layer_norm=true",
    "training.non_finite=skip",
    'training.decay="linear"',
    "data.train.source_file=other.src",
    'tokenizer.normalizers=["NFC"]',
  ]);
  assertEquals(config.training.steps, 7);
  assertEquals(config.training.learning_rate, 2e-3);
  assertEquals(config.network.embedding_layer_norm, true);
  assertEquals([config.training.non_finite, config.training.decay], ["skip", "linear"]);
  assertEquals(config.tokenizer.normalizers, ["NFC"]);
  const { spec } = config.data.train[0]!;
  assert(spec.format === "text" && spec.sourceFile === "other.src");
});

Deno.test("parseTrainingConfig() names unknown keys and what may have been meant", () => {
  assertEquals(
    failure(`${MINIMAL}\n[training]\nlerning_rate = 1`),
    'Cannot read configuration "run.toml": unknown key "training.lerning_rate": ' +
      'did you mean "training.learning_rate"?',
  );
  assertStringIncludes(
    failure(`${MINIMAL}\n[trainin]\nsteps = 1`),
    'unknown key "trainin": did you mean "training"?',
  );
  assertStringIncludes(
    failure(`${MINIMAL}\n[training]\nnoise_factor = 4`),
    'unknown key "training.noise_factor": did you mean "diffusion.noise_factor"?',
  );
  assertStringIncludes(
    failure(MINIMAL, ["data.test.file=x"]),
    'unknown key "data.test": expected data.train, data.dev',
  );
});

Deno.test("parseTrainingConfig() names missing tables and wrong values", () => {
  assertStringIncludes(failure(""), 'missing table "data.train"');
  assertStringIncludes(failure(`data = 3`), '"data" is 3, expected a table [data]');
  assertStringIncludes(
    failure(`${MINIMAL}\n[training]\nsteps = 0`),
    '"training.steps" is 0, expected an integer from 1 to 2147483647',
  );
  assertStringIncludes(
    failure(`${MINIMAL}\n[diffusion]\nnoise_schedule = "square"`),
    '"diffusion.noise_schedule" is "square", expected "sqrt" or "linear" or "cosine"',
  );
  assertStringIncludes(
    failure('[data.train]\nformat = "tsv"'),
    'Cannot find "file" in [data.train]',
  );
});

Deno.test("parseTrainingConfig() says where the TOML is broken", () => {
  assertStringIncludes(failure("[data.train]\nformat = "), 'configuration "run.toml": line 2');
});

Deno.test("parseTrainingConfig() refuses a --set that is no assignment", () => {
  for (const setting of ["training.steps", "steps=1", "=1", "training.=1"]) {
    const message = failure(MINIMAL, [setting]);
    assertStringIncludes(message, `Cannot apply --set "${setting}": expected section.key=value`);
  }
});

Deno.test('parseTrainingConfig() takes "none" in a --set for no value, where an option may have none', () => {
  const toml = `${MINIMAL}\n[diffusion]\nanchor_distance = 3\nleft_to_right_share = 0.5`;
  assertEquals(parse(toml).diffusion.anchor_distance, 3);
  const { diffusion, tokenizer } = parse(toml, [
    "diffusion.anchor_distance=none",
    "diffusion.left_to_right_share=none",
    "tokenizer.file=none",
  ]);
  assertEquals([diffusion.anchor_distance, diffusion.left_to_right_share], [null, null]);
  assertEquals(tokenizer.file, null);
  assertStringIncludes(failure(MINIMAL, ["training.steps=none"]), "expected an integer");
});

Deno.test("parseTrainingConfig() names the --set with an unknown key or a wrong value", () => {
  const usageError = (setting: string) => {
    const error = assertThrows(() => parse(MINIMAL, [setting]), UserError);
    assertEquals(error.exitCode, ExitCode.usage);
    return error.message;
  };
  assertEquals(
    usageError("training.lerning_rate=1"),
    'Cannot apply --set "training.lerning_rate=1": unknown key "training.lerning_rate": ' +
      'did you mean "training.learning_rate"?',
  );
  assertStringIncludes(usageError("trainin.steps=1"), 'did you mean "training"?');
  assertStringIncludes(
    usageError("training.noise_factor=4"),
    'did you mean "diffusion.noise_factor"?',
  );
  assertStringIncludes(usageError("training.steps.x=4"), 'unknown key "training.steps.x"');
  assertStringIncludes(usageError("data.trian.file=x"), 'did you mean "data.train"');
  assertEquals(
    usageError("training.learning_rate=fast"),
    'Cannot apply --set "training.learning_rate=fast": expected a number from 0 to 10; or a ' +
      "table by update",
  );
});

/** The first key on which configurations differ. */
function changedKey(before: TrainingConfig, now: TrainingConfig) {
  return findChangedKeys(before, now)[0];
}

Deno.test("findChangedKeys() lets steps, logging and the machine change", () => {
  const before = parse(MINIMAL);
  const now = parse(MINIMAL, [
    "training.steps=9",
    "training.threads=3",
    "training.device=cpu",
    "log.every=1",
    "validation.every=2",
    "checkpoints.keep=5",
  ]);
  assertEquals(findChangedKeys(before, now), []);
});

Deno.test("findChangedKeys() finds what the weights depend on", () => {
  const before = parse(MINIMAL);
  const changed = (setting: string) => changedKey(before, parse(MINIMAL, [setting]));
  assertEquals(changed("training.learning_rate=1"), {
    key: "training.learning_rate",
    before: "0.0003",
    now: "1",
    update: 1,
  });
  assertEquals(changed("network.decoder_layers=2")?.key, "network.decoder_layers");
  assertEquals(changed("data.train.source_file=x"), undefined);
});

Deno.test("findChangedKeys() takes an option that an older checkpoint lacks for its default", () => {
  const { padding_weight: _new, ...training } = parse(MINIMAL).training;
  const before = { ...parse(MINIMAL), training } as ReturnType<typeof parse>;
  assertEquals(changedKey(before, parse(MINIMAL)), undefined);
  const now = parse(MINIMAL, ["training.padding_weight=0.5"]);
  assertEquals(changedKey(before, now), {
    key: "training.padding_weight",
    before: "1",
    now: "0.5",
    update: 1,
  });
});

Deno.test("data.hold_out makes a development set of a share of the sources", () => {
  const { train, dev } = parse(`data.hold_out = 0.1\n${MINIMAL}`).data;
  const files = { format: "text", sourceFile: "train.src", targetFile: "train.tgt" } as const;
  assertEquals<unknown>(train.map(({ spec }) => spec), [{
    ...files,
    groupSources: false,
    part: { share: 0.1, heldOut: false },
  }]);
  assertEquals<unknown>(dev, { ...files, groupSources: true, part: { share: 0.1, heldOut: true } });
  assertEquals(parse(MINIMAL, ["data.hold_out=0.1"]).data, { train, dev });
  assertStringIncludes(
    failure(MINIMAL, ["data.hold_out=2"]),
    '"data.hold_out" is 2, expected a number from 0.0001 to 0.5',
  );
  const both = `data.hold_out = 0.1\n${MINIMAL}\n[data.dev]\nformat = "tsv"\nfile = "dev.tsv"`;
  assertStringIncludes(failure(both), "both say what the development set is");
});

Deno.test("findChangedKeys() says from which update on tables and data differ", () => {
  const set = "training.dropout={ 0 = 0.2, 50 = 0.1 }";
  assertEquals(changedKey(parse(MINIMAL), parse(MINIMAL, [set])), {
    key: "training.dropout",
    before: "0.2",
    now: '{"0":0.2,"50":0.1}',
    update: 51,
  });
  const later = '\n[[data.train]]\nformat = "tsv"\nfile = "b.tsv"\nfrom = 30';
  const one = '[[data.train]]\nformat = "tsv"\nfile = "a.tsv"';
  assertEquals(changedKey(parse(one), parse(one + later))?.update, 31);
  // As a checkpoint of an older ardiff has it.
  const { spec } = parse(one).data.train[0]!;
  const old = { ...parse(one), data: { train: spec, dev: null } };
  assertEquals(changedKey(old as unknown as TrainingConfig, parse(one)), undefined);
});

Deno.test("parseTrainingConfig() takes tables by update for options that may be scheduled", () => {
  const { training } = parse(
    `${MINIMAL}\n[training]\nwaiting_weight = { "0" = 0, "2000" = 0.3 }\n` +
      "waiting_slots = { 0 = [0], 500 = [0, 1, 2] }",
  );
  const at = (update: number) => trainingAt(training, update);
  assertEquals([at(1), at(2000), at(2001)].map(({ waiting_weight }) => waiting_weight), [
    0,
    0,
    0.3,
  ]);
  assertEquals([at(500), at(501)].map(({ waiting_slots }) => waiting_slots), [[0], [0, 1, 2]]);
  assertEquals(at(501).dropout, 0.2);
  for (const table of ["{ 10 = 0.1 }", "{ 0 = 0.1, x = 0.2 }", "{ 0 = 2 }", "{}"]) {
    assertStringIncludes(
      failure(`${MINIMAL}\n[training]\ndropout = ${table}`),
      "expected a number from 0 to 0.999; or a table by update",
    );
  }
  assertStringIncludes(
    failure(`${MINIMAL}\n[training]\nbatch_size = { 0 = 1 }`),
    '"training.batch_size" is {"0":1}, expected an integer',
  );
});

Deno.test("parseTrainingConfig() does not apply --set within a list of data sets", () => {
  const toml = '[[data.train]]\nformat = "tsv"\nfile = "a.tsv"';
  assertStringIncludes(
    failure(toml, ["data.train.file=b.tsv"]),
    'Cannot apply --set "data.train.file=b.tsv": "train" is a list; change it in the file',
  );
});

Deno.test("parseTrainingConfig() refuses an epsilon with which the first updates divide by 0", () => {
  const refused = (setting: string) => assertStringIncludes(failure(MINIMAL, [setting]), setting);
  for (const value of ["0", "-1e-8", "1e-13", "2", "nan"]) refused(`training.epsilon=${value}`);
  assertEquals(parse(MINIMAL, ["training.epsilon=1e-12"]).training.epsilon, 1e-12);
});
