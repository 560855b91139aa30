/** Declares `ardiff average`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function averageCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("average")
    .description("Average the weights of checkpoints of a run, or of models, into a model folder.")
    .argument("<model...>", "checkpoints or model folders of the same network and tokenizer")
    .requiredOption("-o, --output <dir>", "the model folder to write")
    .addOption(
      new Option("--dtype <type>", "how the weights are stored")
        .choices(["f32", "bf16"] as const).default("f32" as const),
    )
    .action(async (models, { output, dtype }) => {
      const { average } = await import("../../commands/average.ts");
      await average({ models, output, dtype }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff average runs/french/checkpoints/step-* --output averaged",
    ],
  });
  return command;
}
