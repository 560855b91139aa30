/** Declares `ardiff info`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function infoCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("info")
    .description("Show what a model folder holds.")
    .argument("<dir>", "model folder, or the name of a model that comes with the program")
    .option("--json", "print JSON", false)
    .action(async (model, options) => {
      const { info } = await import("../../commands/info.ts");
      await info({ model, ...options }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff info commongen-small",
      "ardiff info tatoeba-en-fr-small --json",
    ],
  });
  return command;
}
