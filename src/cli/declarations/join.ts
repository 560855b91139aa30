/** Declares `ardiff join`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";
import { withoutUndefined } from "../values.ts";

/** The command. */
export function joinCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("join")
    .description("Join the outputs of all shards of an input, after checking them.")
    .argument("<shard...>", "outputs of ardiff generate --shard, in any order")
    .option("-o, --output <file>", "the whole output (default: standard output)")
    .action(async (shards, { output }) => {
      const { join } = await import("../../commands/join.ts");
      await join({ shards, ...withoutUndefined({ output }) }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: ["ardiff join out.* -o out"],
    remarks: [
      "Beside each shard lies the manifest that ardiff generate has written, FILE.manifest.json.\n" +
      "Shards are joined if all are there, whole, and made from the same input by the same model\n" +
      "with the same options; else the exit code is 9. docs/machines.md shows job arrays.",
    ],
  });
  return command;
}
