/** Declares `ardiff report` and `ardiff compare`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";
import { withoutUndefined } from "../values.ts";

/** The command for sweeps. */
export function reportCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("report")
    .description("Make tables, charts and a page of what sweeps measured.")
    .argument("<dir...>", "folders of results; those of shards are joined")
    .option("-o, --output <dir>", "folder of the report (default: DIR/report)")
    .option("--png", "write charts as PNG, too")
    .action(async (folders, options) => {
      const { report } = await import("../../commands/report.ts");
      await report({ folders, ...withoutUndefined(options) }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff report runs/sweeps/smoke",
      "ardiff report runs/sweeps/steps --output docs/experiments/steps",
    ],
    remarks: [
      "Writes index.html, one page that needs no other file; report.md, which shows the charts' files; a\n" +
      "chart a file, NAME.svg, for light and dark grounds; and cells.csv with every cell, unrounded. With\n" +
      "--png each chart is also NAME.png, at twice the size, on a light ground.",
    ],
  });
  return command;
}

/** The command for runs. */
export function compareCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("compare")
    .description("Make the same of runs of ardiff train: how they learned.")
    .argument("<dir...>", "folders of runs")
    .option("-o, --output <dir>", "folder of the report (default: runs/compare)")
    .option("--png", "write charts as PNG, too")
    .action(async (folders, options) => {
      const { compare } = await import("../../commands/report.ts");
      await compare({ folders, ...withoutUndefined(options) }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, { examples: ["ardiff compare runs/french runs/french-2"] });
  return command;
}
