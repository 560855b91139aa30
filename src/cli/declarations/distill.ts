/** Declares `ardiff distill`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { GENERATION_OPTIONS, type GenerationOption } from "../../generation/options.ts";
import type { Environment } from "../../host/environment.ts";
import { KEEP } from "../../training/distill/keep_names.ts";
import { addGenerationOptions, generationValues } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { withFacts } from "../option_facts.ts";
import { columns, number, shard, withoutUndefined } from "../values.ts";

/** Candidates of a source unless more or fewer are asked for. */
const CANDIDATES = 4;

/** Options of choosing a result: here the reference chooses. */
const OF_CHOICE: readonly GenerationOption<unknown>[] = [
  GENERATION_OPTIONS.select,
  GENERATION_OPTIONS.utility,
  GENERATION_OPTIONS.mbrMethod,
  GENERATION_OPTIONS.confidenceWeight,
];

/** The command. */
export function distillCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("distill")
    .description("Write training data whose targets a model wrote, each the nearest its reference.")
    .requiredOption(
      "--data <file...>",
      "the training pairs: .tsv, .csv or .jsonl, or two aligned files",
    )
    .option(
      "--columns <source,target>",
      "of tables and JSON lines: names, or numbers from 1",
      columns,
    )
    .option("-m, --model <dir>", "the model that writes candidates")
    .option(
      "--outputs <file>",
      "in its place, what another system wrote: .jsonl with candidates, an n-best list " +
        "(NUMBER ||| text), or --candidates lines a pair",
    )
    .addOption(withFacts(
      new Option(
        "--keep <which>",
        "the candidate nearest the reference by chrF; by BLEU the one nearest to all references of " +
          "the source; or all that differ",
      )
        .choices(KEEP).default("nearest" as const),
      { source: "Kim and Rush 2016" },
    ))
    .option("--references <share>", "share of pairs that keep their reference", number(0, 1), 0)
    .addOption(
      new Option(
        "--shard <i/n>",
        "only the i-th of n equal runs of pairs; their outputs one after " +
          "another are the whole output",
      ).argParser(shard),
    )
    .requiredOption("-o, --output <file>", "the pairs, .tsv or .jsonl, with a manifest beside it")
    .action(async (options) => {
      const { distill } = await import("../../commands/distill.ts");
      const { data, columns, model, outputs, keep, references, shard, output } = options;
      const own = withoutUndefined({
        data,
        columns,
        model,
        outputs,
        keep,
        references,
        shard,
        output,
      });
      // The first candidate stands for the line's result, which nobody asks for.
      const chosen = { ...generationValues(plain), ...UNCHOSEN };
      await distill({ ...chosen, ...own }, environment);
    });
  const plain = command as CommandUnknownOpts;
  addGenerationOptions(plain, ofDistill);
  addGuide(plain, {
    examples: [
      "ardiff distill -m tatoeba-en-fr-small --data train.tsv -k 4 -o distilled.tsv",
      "ardiff distill -m MODEL --data train.jsonl -o part-$TASK.jsonl --shard $TASK/8",
      "ardiff distill --outputs nbest.txt --data train.en train.fr --references 0.3 -o mixed.tsv",
    ],
    remarks: [
      "After a kill the same command goes on where it was, and writes the same bytes. The manifest,\n" +
      "OUTPUT.manifest.json, says of what data, weights and options the pairs were made.",
    ],
  });
  return plain;
}

const UNCHOSEN = {
  select: "first",
  utility: GENERATION_OPTIONS.utility.default,
  mbrMethod: GENERATION_OPTIONS.mbrMethod.default,
  confidenceWeight: GENERATION_OPTIONS.confidenceWeight.default,
  maxWait: 0,
  window: undefined,
} as const;

/** An option of generation as far as distillation has it. */
function ofDistill(row: GenerationOption<unknown>): GenerationOption<unknown> | undefined {
  if (row.ofStreams || OF_CHOICE.includes(row)) return undefined;
  return row === GENERATION_OPTIONS.candidates ? { ...row, default: CANDIDATES } : row;
}
