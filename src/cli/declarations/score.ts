/** Declares `ardiff score`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { ExitCode } from "../../errors.ts";
import { PAIR_FORMATS } from "../../generation/choices.ts";
import { GENERATION_OPTIONS, LOAD_OPTIONS } from "../../generation/options.ts";
import type { Environment } from "../../host/environment.ts";
import { generationValues, optionOf } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { withoutUndefined } from "../values.ts";

/** The command. */
export function scoreCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("score")
    .description("Tell how probable given texts are under a model.")
    .requiredOption(
      "-m, --model <dir>",
      "model folder, or the name of a model that comes with the program",
    )
    .option("-i, --input <file>", "source, tab, target (default: standard input)")
    .addOption(
      new Option("--input-format <form>", "lines of text, or JSON objects")
        .choices(["text", "jsonl"] as const).default("text" as const),
    )
    .option("--field <name>", "field of JSON input that holds the source", "source")
    .option("--target-field <name>", "field of JSON input that holds the target", "target")
    .option("-o, --output <file>", "scores (default: standard output)")
    .addOption(
      new Option("--format <form>", "sum, mean, perplexity, source, target; or all that is known")
        .choices(PAIR_FORMATS).default("tsv" as const),
    )
    .action(async (options) => {
      const { score } = await import("../../commands/score.ts");
      await score({ ...withoutUndefined(options), ...generationValues(plain) }, environment);
    });
  const plain = command as CommandUnknownOpts;
  plain.addOption(optionOf(GENERATION_OPTIONS.maxWait));
  plain.addOption(optionOf(GENERATION_OPTIONS.batchSize));
  for (const row of Object.values(LOAD_OPTIONS)) plain.addOption(optionOf<unknown>(row));
  addGuide(plain, {
    examples: [
      "printf 'I am hungry.\\tJ'\\''ai faim.\\n' | ardiff score -m tatoeba-en-fr-small",
      "ardiff score -m MODEL -i pairs.tsv -o scores.tsv",
      "ardiff score -m MODEL -i out.jsonl --input-format jsonl --target-field text --format jsonl",
    ],
    remarks: [
      "A score is exact, by teacher forcing in one network call, for models in the shifted layout;\n" +
      "others are refused. It is the natural logarithm of the probability of the target's tokens and\n" +
      "its end: their sum, their mean (what generate calls log_probability), and exp(-mean), the\n" +
      "perplexity; with --format jsonl every token has its own. Those of all targets together go to\n" +
      "standard error. A line without a tab, or JSON without the fields, gives an empty output line\n" +
      `(the exit code is then ${ExitCode.data}).`,
    ],
  });
  return plain;
}
