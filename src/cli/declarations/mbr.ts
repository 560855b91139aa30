/** Declares `ardiff mbr`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { MbrOptions } from "../../commands/mbr.ts";
import { GENERATION_OPTIONS } from "../../generation/options.ts";
import type { Environment } from "../../host/environment.ts";
import { optionOf } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { integer, withoutUndefined } from "../values.ts";

/** The command. */
export function mbrCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("mbr") as CommandUnknownOpts;
  command
    .description("Choose among candidates of any system by minimum Bayes risk.")
    .option("-i, --input <file>", 'JSON lines {"candidates": [...]} (default: standard input)')
    .option("-o, --output <file>", "choices (default: standard output)")
    .addOption(optionOf(GENERATION_OPTIONS.utility, "utility"))
    .addOption(optionOf(GENERATION_OPTIONS.mbrMethod))
    .addOption(
      new Option("--format <form>", "the chosen text, or every candidate's score")
        .choices(["text", "jsonl"]).default("text"),
    )
    .option("--threads <n>", "worker threads; 0: one per hardware thread", integer(0, 1024), 1)
    .action(async () => {
      const { mbr } = await import("../../commands/mbr.ts");
      const options = command.opts() as MbrOptions;
      const threads = options.threads || navigator.hardwareConcurrency;
      await mbr({ ...withoutUndefined(options), threads }, environment);
    });
  addGuide(command, {
    examples: [
      `echo '{"candidates": ["a cat sat", "a cat sits", "dogs run"]}' | ardiff mbr --utility chrf`,
      "ardiff mbr --input candidates.jsonl --format jsonl --threads 0 > scored.jsonl",
    ],
  });
  return command;
}
