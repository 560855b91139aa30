import { assert, assertEquals } from "@std/assert";
import { parameterCounts } from "../../src/denoiser/parameters.ts";
import { parseTrainingConfig, type TrainingConfig } from "../../src/training/config.ts";
import type { Option } from "../../src/training/option.ts";
import { OPTIONS } from "../../src/training/options.ts";
import { trainingAt } from "../../src/training/schedules.ts";

const FOLDER = new URL("../../configs/", import.meta.url);

function read(name: string): TrainingConfig {
  return parseTrainingConfig(
    Deno.readTextFileSync(new URL(`${name}.toml`, FOLDER)),
    `${name}.toml`,
  );
}

/** Millions of parameters. */
function size({ network, tokenizer }: TrainingConfig, vocabulary = tokenizer.vocabulary_size) {
  return parameterCounts({ vocabulary_size: vocabulary, ...network }).total / 1e6;
}

/** The paper's table: hidden, FFN, heads, C, slots, updates, peak rate, decay, parameters. */
const PAPER = {
  "xsum": [512, 2048, 8, 128, 50, 26_700, 8e-4, "linear", 74],
  "cnndm": [512, 2048, 8, 128, 180, 20_000, 8e-4, "linear", 74],
  "iwslt14-de-en": [256, 1024, 4, 64, 90, 70_000, 2e-3, "linear", 17],
  "commongen": [128, 512, 8, 64, 54, 40_000, 3e-4, "constant", 9.5],
} as const;

for (
  const [name, [hidden, ffn, heads, C, slots, updates, rate, decay, millions]] of Object.entries(
    PAPER,
  )
) {
  Deno.test(`configs/${name}.toml has the paper's figures`, () => {
    const config = read(name);
    const { network, text, diffusion, training } = config;
    assertEquals([network.encoder_layers, network.decoder_layers], [6, 6]);
    assertEquals(
      [network.hidden_size, network.encoder_ffn_size, network.attention_heads],
      [hidden, ffn, heads],
    );
    assertEquals([network.embedding_size, text.target_slots, text.length], [C, slots, "fixed"]);
    assertEquals([diffusion.steps, diffusion.anchor_scale, diffusion.noise_factor], [2000, 2, 1]);
    assertEquals([training.steps, training.learning_rate, training.decay], [updates, rate, decay]);
    assertEquals([training.warmup_steps, training.ema_decay, training.dropout], [
      4000,
      0.9999,
      0.2,
    ]);
    assertEquals(training.batch_size * trainingAt(training, 1).accumulation, 3072);
    assertEquals([training.rounding_loss, network.self_conditioning], ["x0", false]);
    const counted = size(config, config.tokenizer.file === null ? undefined : 30_522);
    assert(Math.abs(counted / millions - 1) < 0.015, `${counted} million parameters`);
  });
}

/** What a configuration sets to other than the default, by section and name. */
function departures(config: TrainingConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(OPTIONS).flatMap(([section, options]) => {
      const values: Readonly<Record<string, unknown>> = config[section as keyof typeof OPTIONS];
      return Object.entries(options as Readonly<Record<string, Option<unknown>>>)
        .filter(([name, option]) => JSON.stringify(values[name]) !== JSON.stringify(option.default))
        .map(([name]) => [`${section}.${name}`, values[name]]);
    }),
  );
}

// Recorded when each of these files still said everything itself, before there were presets.
const RECORDED: Readonly<Record<string, unknown>> = JSON.parse(
  Deno.readTextFileSync(new URL("../data/training/paper_runs.json", import.meta.url)),
);

Deno.test("the paper's configurations ask for the same as before they used presets", () => {
  assertEquals(Object.keys(RECORDED).sort(), Object.keys(PAPER).sort());
  for (const [name, recorded] of Object.entries(RECORDED)) {
    assertEquals(departures(read(name)), recorded, name);
  }
});

Deno.test("configurations for a CPU have at most 12 million parameters", () => {
  for (
    const name of [
      "commongen-small",
      "tatoeba-en-fr-small",
      "tatoeba-en-fr-paper",
      "tatoeba-fr-en-small",
      "tatoeba-gaps-small",
      "multi30k-de-en-tiny",
      "e2e-small",
      "smoke",
    ]
  ) {
    assert(size(read(name)) <= 12, name);
  }
});

Deno.test("every configuration is one of the paper's or one for a CPU", () => {
  const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name.replace(/\.toml$/, ""));
  assertEquals(
    names.sort(),
    [
      ...Object.keys(PAPER),
      "commongen-small",
      "tatoeba-en-fr-small",
      "tatoeba-en-fr-paper",
      "tatoeba-fr-en-small",
      "tatoeba-gaps-small",
      "multi30k-de-en-tiny",
      "e2e-small",
      "smoke",
    ].sort(),
  );
});
