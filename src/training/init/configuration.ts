/** The text of a configuration, with a comment for every choice. */
import type { DataTable } from "../config.ts";
import type { Recipe } from "./recipe.ts";

/** Where the pairs are. */
export interface DataTables {
  readonly train: DataTable;
  readonly dev: DataTable | undefined;
}

/** A line of a table: a key with its value, and why it has that. */
type Entry = readonly [key: string, value: unknown, comment?: string];

/**
 * Writes a configuration.
 *
 * @param head what was found and what it costs, a line each
 * @param threads of the CPU; 0: all
 */
export function configurationText(
  recipe: Recipe,
  { train, dev }: DataTables,
  head: readonly string[],
  threads: number,
): string {
  const { size, limits, survey, task } = recipe;
  const tables: (readonly [name: string, entries: readonly Entry[]])[] = [
    ["data.train", Object.entries(train)],
    ...dev === undefined ? [] : [["data.dev", Object.entries(dev)] as const],
    ["tokenizer", [[
      "vocabulary_size",
      recipe.vocabularySize,
      task === "translate"
        ? "grows with the root of the words there are; the output layer's time with it"
        : "more than for translation: words that are copied should be whole",
    ]]],
    ["text", [
      ["target_slots", limits.targetSlots, "tokens; longer texts are cut, and counted"],
      ["max_source_tokens", limits.maxSourceTokens],
    ]],
    ["network", [
      ["embedding_size", size.width, "equal to hidden_size: no projections"],
      ["hidden_size", size.width, "the largest that gets updates enough in the time"],
      ["encoder_layers", size.encoderLayers],
      ["decoder_layers", size.decoderLayers],
      ["attention_heads", size.heads],
      ["encoder_ffn_size", 4 * size.width],
      ["max_positions", recipe.maxPositions],
    ]],
    ["training", [
      ["steps", recipe.updates, `updates: ${amount(recipe.epochs)} times all pairs`],
      ["learning_rate", size.rate, "the wider, the lower; falls to 0 over the last half"],
      ["warmup_steps", recipe.warmupSteps],
      ["ema_decay", recipe.averageDecay, "the average looks back over a tenth of the run"],
      ["dropout", recipe.dropout, "the more often pairs are seen, the more"],
      ...threads === 0 ? [] : [["threads", threads] as const],
    ]],
    ["validation", [["every", recipe.every]]],
    ["checkpoints", [["every", recipe.every], ["minutes", 2]]],
  ];
  const presetLine = `preset = "${recipe.preset}" # docs/options.md lists what it sets`;
  const held = recipe.holdOut === undefined ? [] : [
    `# The development set: about ${
      count(recipe.holdOut * survey.distinctSources)
    } sources, chosen by a hash, are not trained on.`,
    `data.hold_out = ${recipe.holdOut}`,
  ];
  return [
    ...head.map((line) => line === "" ? "#" : `# ${line}`),
    "",
    presetLine,
    ...held,
    ...tables.flatMap(([name, entries]) => ["", `[${name}]`, ...entries.map(entryLine)]),
  ].join("\n") + "\n";
}

function entryLine([key, value, comment]: Entry): string {
  // What JSON writes of strings, numbers and truth values is TOML too.
  const line = `${key} = ${JSON.stringify(value)}`;
  return comment === undefined ? line : `${line} # ${comment}`;
}

/** A measured number, to two digits unless it has more before the point. */
export function amount(value: number): string {
  return value < 99.5 ? value.toPrecision(2) : count(value);
}

/** A number as people read it. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
