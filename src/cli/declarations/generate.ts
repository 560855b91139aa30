/** Declares `ardiff generate`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { ExitCode } from "../../errors.ts";
import { OUTPUT_FORMATS } from "../../generation/choices.ts";
import type { Environment } from "../../host/environment.ts";
import { addGenerationOptions, generationValues } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { shard, withoutUndefined } from "../values.ts";

/** The command. */
export function generateCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("generate")
    .description("Generate text: a line in, a line out, in order.")
    .requiredOption(
      "-m, --model <dir>",
      "model folder, or the name of a model that comes with the program",
    )
    .option("-i, --input <file>", "input lines (default: standard input)")
    .addOption(
      new Option("--input-format <form>", "lines of text, or JSON objects")
        .choices(["text", "jsonl"] as const).default("text" as const),
    )
    .option("--field <name>", "field of JSON input that holds the source", "source")
    .addOption(
      new Option(
        "--shard <i/n>",
        "only the i-th of n equal runs of lines; their outputs one after " +
          "another are the whole output",
      ).argParser(shard),
    )
    .option("-o, --output <file>", "output lines (default: standard output)")
    .option("--resume", "go on with an output that a run with --resume has begun", false)
    .addOption(
      new Option("--format <form>", "the sentence; source, tab, sentence; or all that is known")
        .choices(OUTPUT_FORMATS).default("text" as const),
    )
    .addOption(
      new Option("--trace", "print how each sentence settles, network call by network call")
        .default(false).conflicts(["format", "resume"]),
    )
    .addOption(
      new Option("--trace-html <file>", "write the same as a page").conflicts("resume"),
    )
    .action(async (options) => {
      const { generate } = await import("../../commands/generate.ts");
      await generate({ ...withoutUndefined(options), ...generationValues(plain) }, environment);
    });
  const plain = command as CommandUnknownOpts;
  addGenerationOptions(plain);
  addGuide(plain, {
    examples: [
      'echo "dog frisbee catch" | ardiff generate --model commongen-small',
      "ardiff generate -m tatoeba-en-fr-small -i lines.en -o lines.fr --steps 5 -k 10",
      "ardiff generate -m MODEL -i data.jsonl --input-format jsonl --field question --format jsonl",
      "ardiff generate -m MODEL -i lines.en -o out.$TASK --shard $TASK/8 --resume",
      "echo 'I am hungry.' | ardiff generate -m tatoeba-en-fr-small --steps 5 --trace",
    ],
    remarks: [
      "The text for a line depends on the line, the seed and the options alone: never on the batch\n" +
      "size, the line's place in the file, or the number of threads. Each input line gives one\n" +
      "output line: an empty one for an empty line, and for JSON without the field (the exit code\n" +
      `is then ${ExitCode.data}). With --select all the candidates of a line stand on one line, tabs between\n` +
      "them. The outputs of all shards, joined in order, are the output of the whole.",
      "Fields of JSON input overrule options for their line: prefix, template, words, avoid,\n" +
      "min_length, max_length. A beam search takes one slot a call; all else goes with drafts, which change no text.",
      "With --resume the output grows in FILE.part, and the same command goes on after a kill, to the\n" +
      "same bytes. FILE.manifest.json, beside it and beside every shard, tells what it was made from.",
    ],
  });
  return plain;
}
