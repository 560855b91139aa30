import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import {
  checkTrainingSettings,
  findChangedKeys,
  parseTrainingConfig,
  type TrainingConfig,
} from "../../src/training/config.ts";
import { modelConfigOf } from "../../src/training/model_config.ts";
import type { Option } from "../../src/training/option.ts";
import { OPTIONS } from "../../src/training/options.ts";
import { PRESET_NAMES, PRESETS } from "../../src/training/presets.ts";

const DATA = `
[data.train]
format = "text"
source_file = "train.src"
target_file = "train.tgt"
`;

const parse = (toml: string, settings: string[] = []) =>
  parseTrainingConfig(toml, "run.toml", settings);

const readConfig = (name: string) =>
  parse(Deno.readTextFileSync(new URL(`../../configs/${name}.toml`, import.meta.url)));

Deno.test("every preset sets existing options to values that they take", () => {
  const sections: Readonly<Record<string, Readonly<Record<string, Option<unknown>>>>> = OPTIONS;
  for (const name of PRESET_NAMES) {
    for (const [section, values] of Object.entries(PRESETS[name].values)) {
      for (const [key, value] of Object.entries(values)) {
        const option = sections[section]?.[key];
        assert(option !== undefined, `${name}: there is no ${section}.${key}`);
        assert(option.type.accepts(value), `${name}: ${section}.${key} = ${value}`);
      }
    }
  }
});

Deno.test("every preset makes a model that there can be", () => {
  for (const name of PRESET_NAMES) {
    const config = parse(`preset = "${name}"\n${DATA}`);
    const tokenizer = {
      vocabSize: config.tokenizer.vocabulary_size,
      special: { pad: 0, bos: null, eos: 1 },
    };
    modelConfigOf(config, tokenizer, { sourceLengths: [3], targetLengths: [3] }, "run.toml");
  }
});

Deno.test("a configuration's own values win over its preset's, and --set over both", () => {
  const toml = `preset = "cpu-small"\n${DATA}\n[training]\nsteps = 7\nbatch_size = 3\n`;
  const { training, network, diffusion } = parse(toml, [
    "training.batch_size=5",
    "diffusion.anchor_distance=none",
    "network.shifted=false",
  ]);
  assertEquals([training.steps, training.batch_size, training.learning_rate], [7, 5, 1.5e-3]);
  assertEquals([network.shifted, network.decoder_layers], [false, 4]);
  assertEquals(diffusion.anchor_distance, null);
});

Deno.test("a preset can be given by --set, and to programs", () => {
  const expected = parse(`preset = "cpu-tiny"\n${DATA}`);
  assertEquals(parse(DATA, ["preset=cpu-tiny"]), expected);
  assertEquals(parse(`preset = "gpu-base"\n${DATA}`, ["preset = cpu-tiny"]), expected);
  const train = { format: "text", source_file: "train.src", target_file: "train.tgt" } as const;
  assertEquals(checkTrainingSettings({ preset: "cpu-tiny", data: { train } }), expected);
});

Deno.test("an unknown or misplaced preset is named", () => {
  const failure = (toml: string, settings: string[] = []) =>
    assertThrows(() => parse(toml, settings), UserError);
  assertEquals(
    failure(`preset = "cpu-smal"\n${DATA}`).message,
    'Cannot read configuration "run.toml": "preset" is "cpu-smal", did you mean "cpu-small"?',
  );
  assertStringIncludes(
    failure(`preset = 3\n${DATA}`).message,
    `"preset" is 3, expected one of ${PRESET_NAMES.join(", ")}`,
  );
  assertStringIncludes(
    failure(`${DATA}\n[log]\npreset = "cpu-small"`).message,
    'unknown key "log.preset": the preset stands above the first table',
  );
  const error = failure(DATA, ["preset=tpu"]);
  assertEquals(error.exitCode, ExitCode.usage);
  assertStringIncludes(error.message, 'Cannot apply --set "preset=tpu": "preset" is "tpu"');
});

Deno.test('preset "cpu-small" is what configs/tatoeba-en-fr-small.toml asks for', () => {
  const sections = ({ network, diffusion, training }: TrainingConfig) => {
    const { steps: _ofTheRun, waiting_weight: _whenItDistils, ...rest } = training;
    return { network, diffusion, training: rest };
  };
  const preset = parse(`preset = "cpu-small"\n${DATA}`);
  assertEquals(sections(preset), sections(readConfig("tatoeba-en-fr-small")));
});

Deno.test("a run goes on where a preset now says what its configuration said before", () => {
  const { network, training } = parse(`preset = "cpu-tiny"\n${DATA}`);
  const written = parse(DATA, [
    "preset=cpu-small",
    ...Object.entries(network).map(([key, value]) => `network.${key}=${value}`),
    ...Object.entries(training).map(([key, value]) =>
      `training.${key}=${value === null ? "none" : JSON.stringify(value)}`
    ),
    "tokenizer.vocabulary_size=2000",
  ]);
  assertEquals(findChangedKeys(written, parse(DATA, ["preset=cpu-tiny"])), []);
});

Deno.test("parseTrainingConfig() reads YAML by its name", () => {
  const yaml = `# a run
preset: cpu-tiny
data:
  train: {format: text, source_file: train.src, target_file: train.tgt}
training:
  learning_rate: 1e-3
  steps: 12
  start_from: null
validation:
  every: 0
`;
  const toml = parse(
    `preset = "cpu-tiny"\n${DATA}\n[training]\nlearning_rate = 1e-3\nsteps = 12\n[validation]\nevery = 0`,
  );
  for (const name of ["run.yaml", "run.yml"]) {
    assertEquals(parseTrainingConfig(yaml, name), toml);
  }
  const failure = (text: string) =>
    assertThrows(() => parseTrainingConfig(text, "run.yaml"), UserError).message;
  assertStringIncludes(failure("data: ["), 'configuration "run.yaml": it is not valid YAML');
  assertStringIncludes(failure("- data"), "expected sections of options");
  assertStringIncludes(failure(`${yaml}log: {evry: 3}`), 'did you mean "log.every"?');
});
