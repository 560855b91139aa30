/**
 * Every option of a training configuration: what it may be, its default, where the default comes
 * from and what it does. These tables are the only place that knows: reading, checking, resuming and
 * the documentation follow them.
 *
 * Defaults are those of the paper's CommonGen run (AR-Diffusion, arXiv 2305.09515).
 */
import type { Option, OptionValue, OptionValueAt } from "./option.ts";
import { MODEL_SECTIONS } from "./option_sections/model.ts";
import { TRAINING_SECTION } from "./option_sections/training.ts";
import { UPKEEP_SECTIONS } from "./option_sections/upkeep.ts";

/** All options by section; `[data]` is described by `data_spec.ts`. */
export const OPTIONS = {
  tokenizer: MODEL_SECTIONS.tokenizer,
  text: MODEL_SECTIONS.text,
  network: MODEL_SECTIONS.network,
  diffusion: MODEL_SECTIONS.diffusion,
  training: TRAINING_SECTION.training,
  validation: UPKEEP_SECTIONS.validation,
  checkpoints: UPKEEP_SECTIONS.checkpoints,
  card: UPKEEP_SECTIONS.card,
  log: UPKEEP_SECTIONS.log,
} as const;

/** The values of all options. */
export type OptionValues = {
  readonly [Section in keyof typeof OPTIONS]: {
    readonly [Name in keyof (typeof OPTIONS)[Section]]: OptionValue<
      (typeof OPTIONS)[Section][Name]
    >;
  };
};

/** The values of `[training]` at an update: those of tables are chosen. */
export type TrainingAt = {
  readonly [Name in keyof typeof OPTIONS.training]: OptionValueAt<
    (typeof OPTIONS.training)[Name]
  >;
};

/** An option as the documentation shows it. */
interface OptionDoc {
  /** Section and name, as `--set` takes them. */
  readonly name: string;
  /** As it would stand in a configuration; "none" where there is no value. */
  readonly default: string;
  readonly expected: string;
  readonly source: string;
  readonly text: string;
}

/** Every option in the order of the table. */
export function describeOptions(): OptionDoc[] {
  return Object.entries(OPTIONS).flatMap(([section, options]) =>
    Object.entries(options as Readonly<Record<string, Option<unknown>>>).map(([name, option]) => ({
      name: `${section}.${name}`,
      default: option.default === null ? "none" : JSON.stringify(option.default),
      expected: option.type.expected,
      source: option.source,
      text: option.text,
    }))
  );
}
