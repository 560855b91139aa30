/** Declares `ardiff files`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function filesCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("files")
    .description("Print training configurations and the manual page that come with the program.")
    .argument("[name]", "the file; without it, the names of all")
    .action(async (name) => {
      const { files } = await import("../../commands/files.ts");
      await files(name, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff files",
      "ardiff files configs/smoke.toml > mine.toml",
      "ardiff files docs/ardiff.1 > ardiff.1 && man ./ardiff.1",
    ],
  });
  return command;
}
