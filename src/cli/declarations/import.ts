/** Declares `ardiff import`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { VERSION } from "../../version.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function importCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("import")
    .description("Turn a published checkpoint into a model folder.")
    .requiredOption("--weights <file>", "safetensors, or what torch.save wrote")
    .requiredOption("--config <file>", "the checkpoint's config.json")
    .requiredOption("--tokenizer <file>", "a Hugging Face tokenizer.json")
    .requiredOption("-o, --output <dir>", "the model folder to write")
    .action(async (options) => {
      const { importModel } = await import("../../commands/import.ts");
      await importModel({ ...options, createdBy: `ardiff ${VERSION}` }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      "ardiff import --weights checkpoint.pt --config config.json --tokenizer tokenizer.json -o models/mine",
    ],
    remarks: [
      "--config is the checkpoint's here; a settings file of ardiff goes before the command:\n" +
      "ardiff --config settings.toml import ...",
    ],
  });
  return command;
}
