/** Declares `ardiff train`. */
import {
  Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  Option,
} from "@commander-js/extra-typings";
import { device } from "../../generation/value_types.ts";
import type { Environment } from "../../host/environment.ts";
import { PRESETS } from "../../training/presets.ts";
import { addGuide } from "../guide.ts";
import { withFacts } from "../option_facts.ts";
import { integer, number, parserOf, withoutUndefined } from "../values.ts";

const readDevice = parserOf(device);

/** The command. */
export function trainCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("train")
    .description("Train a model from a TOML or YAML configuration; Ctrl-C saves and stops.")
    .argument("<config>", "configuration file, see ardiff files and docs/options.md")
    .addOption(
      new Option("--set <section.key=value...>", "overrule single options of the configuration")
        .argParser(addSetting),
    )
    .option("-o, --output <dir>", "folder of the run (default: runs/NAME)")
    .option("--resume", "go on from the last checkpoint of the run", false)
    .option("--max-steps <n>", "stop after this update", integer(1))
    .option("--max-minutes <n>", "stop after this many minutes", number(0, 1e9))
    .addOption(
      new Option("--dry-run", "say what the run would be, need and take, and do not make it")
        .default(false).conflicts(["findLr", "resume"]),
    )
    .addOption(
      new Option(
        "--find-lr",
        "make a range test in place of the run: the loss at growing learning rates, as a table; --max-steps is its number of updates, 100 by default",
      ).default(false).conflicts("resume"),
    )
    .addOption(withFacts(
      new Option("--device <device>", "overrules training.device: auto, cpu, cuda or cuda:INDEX")
        .argParser((text) => {
          readDevice(text);
          return text;
        }),
      { words: device.words! },
    ))
    .addOption(
      new Option("--dtype <type>", "overrules training.dtype").choices(["f32", "bf16"] as const),
    )
    .option("--threads <n>", "overrules training.threads", integer(0, 1024))
    .option(
      "--rank-timeout <seconds>",
      "under torchrun or srun: how long to wait for other ranks (default: 600)",
      number(0.1, 1e6),
    )
    .action(async (config, options) => {
      const { train } = await import("../../commands/train.ts");
      // Without the options that all commands have.
      const { set, output, resume, maxSteps, maxMinutes, device, dtype, threads } = options;
      const { rankTimeout, dryRun, findLr } = options;
      const run = { set, output, resume, maxSteps, maxMinutes, device, dtype, threads };
      const own = { ...run, rankTimeout };
      await train({ ...withoutUndefined(own), dryRun, findLr, config }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff train configs/smoke.toml",
      "ardiff train configs/commongen-small.toml --max-minutes 60 --set training.learning_rate=1e-3",
      "ardiff train configs/commongen-small.toml --resume",
      "ardiff train configs/commongen-small.toml --dry-run",
      "ardiff train configs/commongen-small.toml --find-lr > rates.tsv",
      "torchrun --nproc-per-node 2 --no-python ardiff train configs/smoke.toml --set training.accumulation=2",
    ],
    remarks: [
      "The configurations that come with the program name data that a clone unpacks (deno task data).\n" +
      "For data of your own: ardiff files configs/smoke.toml > mine.toml, and name it there.",
      "The argument is the training configuration. It has nothing to do with --config, which names\n" +
      "the settings file of ardiff itself; that file cannot overrule a training configuration.",
      "Without a preset, what a configuration leaves out is as in the paper's CommonGen run, which a\n" +
      'CPU cannot do in a day. With preset = "NAME" above its tables it starts from one of these\n' +
      `(docs/options.md has their values):${
        Object.entries(PRESETS).map(([name, { text }]) => `\n  ${name.padEnd(21)} ${text}`).join("")
      }`,
      "Ctrl-C and SIGTERM save and stop, SIGUSR1 saves and goes on. Several processes that torchrun or\n" +
      "srun starts train one model together, at most training.accumulation of them (docs/machines.md).",
    ],
  });
  return command;
}

/** One more setting. What follows `--set` belongs to it, up to the next option. */
function addSetting(text: string, settings: string[] | undefined): string[] {
  if (!text.includes("=")) {
    throw new InvalidArgumentError(
      "Expected section.key=value; the configuration stands before --set.",
    );
  }
  return [...settings ?? [], text];
}
