/** Declares `ardiff tokenizer train`. */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { addGuide } from "../guide.ts";
import { integer } from "../values.ts";

/** The command and what is below it. */
export function tokenizerCommand(environment: Environment): CommandUnknownOpts {
  const train = new Command("train")
    .description("Train byte-level BPE on the lines of text files.")
    .requiredOption("-i, --input <file...>", "text files; both sides for a joint vocabulary")
    .requiredOption("--vocab-size <n>", "tokens", integer(1, 2 ** 24))
    .requiredOption("-o, --output <file>", "the tokenizer.json to write")
    .option("--min-frequency <n>", "rarer pairs are not merged", integer(1), 2)
    .action(async (options) => {
      const { trainTokenizer } = await import("../../commands/tokenizer.ts");
      await trainTokenizer(options, environment);
    }) as CommandUnknownOpts;
  addGuide(train, {
    examples: [
      "ardiff tokenizer train -i lines.en lines.fr --vocab-size 8000 -o tokenizer.json",
    ],
  });
  return (new Command("tokenizer") as CommandUnknownOpts)
    .description("Make tokenizers.")
    .addCommand(train);
}
