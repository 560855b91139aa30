/** Declares `ardiff init`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";
import { columns, integer, number, withoutUndefined } from "../values.ts";

/** The command. */
export function initCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("init")
    .description("Write a training configuration for data of yours, which it looks at.")
    .option("--source <file>", "what is read, a text a line")
    .option("--target <file>", "what is to be written, line by line with it")
    .option("--data <file>", "in their place: .tsv, .csv or .jsonl with a pair a row")
    .option("--dev <file...>", "a development set, in one file or two (default: lines held out)")
    .option(
      "--columns <source,target>",
      "of tables and JSON lines: names, or numbers from 1",
      columns,
    )
    .addOption(
      new Option("--task <name>", "what the model is for (default: as the data look)")
        .choices(["translate", "summarise", "describe"] as const),
    )
    .option("--minutes <n>", "time that training may take", number(0.01, 1e5), 10)
    .option("--threads <n>", "CPU threads; 0: one per hardware thread", integer(0, 1024), 0)
    .action(async (options) => {
      const { init } = await import("../../commands/init.ts");
      const { source, target, data, dev, columns, task, minutes, threads } = options;
      await init(
        withoutUndefined({ source, target, data, dev, columns, task, minutes, threads }),
        environment,
      );
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff init --source train.de --target train.en > mine.toml",
      "ardiff init --source train.de --target train.en --dev val.de val.en --minutes 60 > mine.toml",
      "ardiff init --data train.csv --columns mr,ref --task describe > mine.toml",
    ],
    remarks: [
      "The configuration goes to standard output, what was found to standard error. It times a few\n" +
      "updates of real pairs, so the number of updates differs from call to call, and with what else\n" +
      "the machine does; edit it as you like. Then: ardiff train mine.toml",
    ],
  });
  return command;
}
