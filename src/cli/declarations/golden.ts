/** Declares `ardiff golden`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../environment.ts";
import { deviceOption, dtypeOption, threadsOption } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { sharedValues } from "../shared_options.ts";

/** The command. */
export function goldenCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("golden")
    .description("Compare this build with values recorded from the reference implementation.")
    .argument("<path...>", "golden folders and schedule.json files")
    .option("--portable", "the portable path in place of the CPU kernels", false)
    .option("--json", "print every comparison as JSON", false)
    .addOption(deviceOption())
    .addOption(dtypeOption())
    .addOption(threadsOption())
    .action(async (paths, options) => {
      const { golden } = await import("../../commands/golden.ts");
      const { resolveDevice } = await import("../../native/device.ts");
      const { verbose } = sharedValues(plain);
      await golden(
        paths,
        { ...options, verbose, device: resolveDevice(options.device) },
        environment,
      );
    });
  const plain = command as CommandUnknownOpts;
  addGuide(plain, {
    examples: [
      "ardiff golden tests/golden/ar_txl tests/golden/schedule.json",
      "ardiff golden tests/golden/ar_txl --portable --verbose",
      "ardiff golden tests/golden/ar_txl --json",
    ],
    remarks: ["With --verbose every comparison is printed, not only the largest error of a file."],
  });
  return plain;
}
