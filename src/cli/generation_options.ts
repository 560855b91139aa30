/** Options of the commands that generate. */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { AUTO_SHARE, CONFIDENCE_WEIGHT } from "../generation/choices.ts";
import type { Selector } from "../generation/choose.ts";
import type { DropSettled } from "../generation/settle.ts";
import type { Shard } from "../generation/shard.ts";
import { device, type DeviceChoice, integer, number, seed } from "./values.ts";

/** Rows in the network at once: bounds memory for any number of candidates. */
export const MAX_ROWS = 1024;

const SAMPLERS = ["posterior", "ddim", "dpm++2m"] as const;
const GRIDS = ["auto", "even", "movement", "log-snr", "left"] as const;

/** What candidates can be compared by. */
export const UTILITIES = ["bleu", "chrf", "rouge-l", "token-f1"] as const;
/** How expected utilities can be found. */
export const MBR_METHODS = ["exact", "aggregate", "prune"] as const;

export const deviceOption = () =>
  new Option("--device <device>", "auto, cpu, cuda or cuda:INDEX").argParser(device)
    .default("auto" as const);
export const dtypeOption = () =>
  new Option("--dtype <type>", "arithmetic of the network; bf16 is faster")
    .choices(["f32", "bf16"] as const).default("f32" as const);
export const threadsOption = () =>
  new Option("--threads <n>", "CPU threads; 0: one per hardware thread").argParser(integer(0, 1024))
    .default(0);

/** Values of the options that {@linkcode addGenerationOptions} declares. */
interface GenerationValues {
  readonly steps: number;
  readonly grid: typeof GRIDS[number];
  readonly sampler: typeof SAMPLERS[number];
  readonly eta: number;
  readonly rounding: boolean;
  readonly dropSettled: DropSettled;
  readonly candidates: number;
  readonly select: Selector;
  readonly utility: typeof UTILITIES[number];
  readonly mbrMethod: typeof MBR_METHODS[number];
  readonly confidenceWeight: number;
  readonly seed: bigint;
  readonly batchSize: number;
  readonly device: DeviceChoice;
  readonly dtype: "f32" | "bf16";
  readonly threads: number;
}

/**
 * Adds how candidates are made and chosen among. Types are not inferred through a command that is a
 * parameter (the compiler would take minutes): {@linkcode generationValues} states them.
 */
export function addGenerationOptions(
  command: CommandUnknownOpts,
  selectors: readonly Selector[],
): void {
  command
    .option("--steps <n>", "network evaluations", integer(1, 1_000_000), 20)
    .addOption(
      new Option("--grid <kind>", "how the steps are spaced; auto: as the model says")
        .choices(GRIDS).default("auto" as const),
    )
    .addOption(
      new Option("--sampler <name>", "update rule").choices(SAMPLERS).default("posterior" as const),
    )
    .option("--eta <number>", "fresh noise of ddim, 0 to 1", number(0, 1), 0)
    .option("--no-rounding", "do not round predictions to tokens between steps")
    .addOption(
      new Option(
        "--drop-settled <share>",
        "drop the slots right of an end token that two steps agree on, once its timestep is at most " +
          "this share of all: a number from 0 to 1 (0: only where the text cannot change), off, or " +
          `auto: ${AUTO_SHARE} for models trained with length "batch", off for others`,
      ).argParser(dropSettled).default("auto" as const),
    )
    .option("-k, --candidates <n>", "candidates for each line", integer(1, 100_000), 1)
    .addOption(
      new Option(
        "--select <how>",
        "which candidate is the result; coverage: of those that use most of the source's words, the " +
          "one the model is surest of",
      ).choices(selectors)
        .default("mbr"),
    )
    .addOption(
      new Option("--utility <name>", "what MBR compares candidates by").choices(UTILITIES)
        .default("bleu" as const),
    )
    .addOption(
      new Option("--mbr-method <name>", "how expected utilities are found").choices(MBR_METHODS)
        .default("exact" as const),
    )
    .option(
      "--confidence-weight <w>",
      "w of --select mixture: (1 - w) utility + w exp(mean log-probability)",
      number(0, 1),
      CONFIDENCE_WEIGHT,
    )
    .addOption(new Option("--seed <n>", "seed of the noise").argParser(seed).default(0n, "0"))
    .option("--batch-size <n>", "lines in the network at once", integer(1, 100_000), 32)
    .addOption(deviceOption())
    .addOption(dtypeOption())
    .addOption(threadsOption());
}

/** The values of those options once the command line is parsed. */
export function generationValues(command: CommandUnknownOpts): GenerationValues {
  return command.opts() as unknown as GenerationValues;
}

function dropSettled(text: string): DropSettled {
  if (text === "auto" || text === "off") return text;
  const share = Number(text);
  if (text.trim() === "" || !(share >= 0 && share <= 1)) {
    throw new InvalidArgumentError("Expected a number from 0 to 1, auto or off.");
  }
  return share;
}

/** A shard: `2/8` is the second of eight. */
export function shard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!(index >= 1 && index <= count && Number.isSafeInteger(count))) {
    throw new InvalidArgumentError("Expected i/n with i from 1 to n, as in 2/8.");
  }
  return { index, count };
}
