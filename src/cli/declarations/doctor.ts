/** Declares `ardiff doctor`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { VERSION } from "../../version.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function doctorCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("doctor")
    .description("Check the installation; exit 0 where generation would work.")
    .option("--json", "print JSON", false)
    .action(async (options) => {
      const { doctor } = await import("../../commands/doctor.ts");
      await doctor({ ...options, version: VERSION }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: ["ardiff doctor", "ardiff doctor --json --libtorch /opt/libtorch"],
  });
  return command;
}
