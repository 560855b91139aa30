/** Declares `ardiff mbr`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { MbrOptions } from "../../commands/mbr.ts";
import { GENERATION_OPTIONS } from "../../generation/options.ts";
import { CANDIDATE_FORMATS } from "../../mbr/names.ts";
import type { Environment } from "../../host/environment.ts";
import { optionOf } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { integer, withoutUndefined } from "../values.ts";

/** The command. */
export function mbrCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("mbr") as CommandUnknownOpts;
  command
    .description("Choose among candidates of any system by minimum Bayes risk.")
    .option(
      "-i, --input <file...>",
      'JSON lines {"candidates": [...]}, an n-best list, or a file for each seed or system ' +
        "(default: standard input)",
    )
    .addOption(
      new Option("--input-format <form>", "the form of the input")
        .choices(CANDIDATE_FORMATS)
        .default(undefined, "jsonl; text for several files not named *.jsonl"),
    )
    .option("-o, --output <file>", "choices (default: standard output)")
    .addOption(optionOf(GENERATION_OPTIONS.utility, "utility"))
    .option(
      "--utility-scores <file>",
      "JSON lines of K x K scores, a row for each candidate, in place of a utility",
    )
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
      "ardiff mbr --input seed1.txt seed2.txt seed3.txt --utility chrf",
      "ardiff mbr --input moses.nbest --input-format nbest",
      "comet candidates.jsonl | ardiff mbr --input candidates.jsonl --utility-scores -",
    ],
    remarks: [
      "Scores for --utility-scores come from any program, for each line of candidates a line\n" +
      "[[0.9, 0.2], [0.3, 0.8]]: in row i candidate i is judged by each candidate in the place of the\n" +
      "truth. ardiff starts no program: a file or a pipe brings them.",
    ],
  });
  return command;
}
