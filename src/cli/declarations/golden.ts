/** Declares `ardiff golden`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { LOAD_OPTIONS } from "../../generation/options.ts";
import { generationValues, optionOf } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { sharedValues } from "../shared_options.ts";

/** The command. */
export function goldenCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("golden")
    .description("Compare this build with values recorded from the reference implementation.")
    .argument("<path...>", "golden folders and schedule.json files")
    .option("--portable", "the portable path in place of the CPU kernels", false)
    .option("--json", "print every comparison as JSON", false)
    .action(async (paths, options) => {
      const { golden } = await import("../../commands/golden.ts");
      const { resolveDevice } = await import("../../native/device.ts");
      const { verbose } = sharedValues(plain);
      const { device, dtype, threads } = generationValues(plain);
      await golden(
        paths,
        { ...options, dtype, threads, verbose, device: resolveDevice(device) },
        environment,
      );
    });
  const plain = command as CommandUnknownOpts;
  for (const row of Object.values(LOAD_OPTIONS)) {
    plain.addOption(optionOf<unknown>(row));
  }
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
