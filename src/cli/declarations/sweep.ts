/** Declares `ardiff sweep`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";
import { integer, shard, withoutUndefined } from "../values.ts";

/** The command. */
export function sweepCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("sweep")
    .description("Train and measure what a plan names: every combination, each once.")
    .argument("<plan>", "plan, a TOML file: see experiments/ and docs/sweeps.md")
    .option("-o, --output <dir>", "folder of the results (default: runs/sweeps/NAME)")
    .option("--trainings <dir>", "folder of trainings, which plans share", "runs/trainings")
    .addOption(
      new Option(
        "--shard <i/n>",
        "only the i-th of n parts of the plan, which may run side by side into one folder",
      ).argParser(shard),
    )
    .option("--jobs <n>", "trainings at a time, in one process", integer(1, 1024), 1)
    .option("--cell <hash...>", "only these cells, whether they are done or not")
    .action(async (plan, options) => {
      const { sweep } = await import("../../commands/sweep.ts");
      const { output, trainings, shard, jobs, cell } = options;
      await sweep({
        plan,
        ...withoutUndefined({ output, trainings, shard, jobs, cells: cell }),
      }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff sweep experiments/smoke.toml",
      "ardiff sweep experiments/steps.toml --shard 1/4 --output runs/sweeps/steps",
      "ardiff report runs/sweeps/smoke",
    ],
    remarks: [
      "A cell that is measured is a line of results.jsonl, with all that it takes to repeat it, and is not\n" +
      "measured again: the same command goes on where it was stopped, be it by kill -9. Processor\n" +
      "seconds are of the process, so they are told with --jobs 1 only; shards are processes.",
    ],
  });
  return command;
}
