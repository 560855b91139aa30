/** Declares `ardiff mbr`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { MBR_METHODS, UTILITIES } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { integer, withoutUndefined } from "../values.ts";

/** The command. */
export function mbrCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("mbr")
    .description("Choose among candidates of any system by minimum Bayes risk.")
    .option("-i, --input <file>", 'JSON lines {"candidates": [...]} (default: standard input)')
    .option("-o, --output <file>", "choices (default: standard output)")
    .addOption(
      new Option("--utility <name>", "utility").choices(UTILITIES).default("bleu" as const),
    )
    .addOption(
      new Option("--mbr-method <name>", "how expected utilities are found").choices(MBR_METHODS)
        .default("exact" as const),
    )
    .addOption(
      new Option("--format <form>", "the chosen text, or every candidate's score")
        .choices(["text", "jsonl"] as const).default("text" as const),
    )
    .option("--threads <n>", "worker threads; 0: one per hardware thread", integer(0, 1024), 1)
    .action(async ({ threads, ...options }) => {
      const { mbr } = await import("../../commands/mbr.ts");
      await mbr({
        ...withoutUndefined(options),
        threads: threads || navigator.hardwareConcurrency,
      }, environment);
    }) as CommandUnknownOpts;
  addGuide(command, {
    examples: [
      `echo '{"candidates": ["a cat sat", "a cat sits", "dogs run"]}' | ardiff mbr --utility chrf`,
      "ardiff mbr --input candidates.jsonl --format jsonl --threads 0 > scored.jsonl",
    ],
  });
  return command;
}
