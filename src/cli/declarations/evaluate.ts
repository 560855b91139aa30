/** Declares `ardiff evaluate`. */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { GENERATION_OPTIONS, type GenerationOption } from "../../generation/options.ts";
import { SELECTORS } from "../../generation/selectors.ts";
import { nameOf } from "../../generation/value_types.ts";
import type { Environment } from "../../host/environment.ts";
import { METRICS } from "../../metrics/metric_names.ts";
import { addGenerationOptions, generationValues } from "../generation_options.ts";
import { addGuide } from "../guide.ts";
import { withFacts } from "../option_facts.ts";
import { integer, listOf, withoutUndefined } from "../values.ts";

/** The command. */
export function evaluateCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("evaluate")
    .description("Score outputs with the field's metrics.")
    .option("--hypotheses <file...>", "outputs, one file a system")
    .option("-m, --model <dir...>", "other systems, the first: generate for the sources of --data")
    .option("--references <file...>", "references, one file a reference")
    .option(
      "--data <file>",
      'JSON lines {"source": ..., "references": [...]}, NAME.tsv or NAME.csv: source and reference; ' +
        "or, with --references, sources, a line each",
    )
    .addOption(
      new Option("--metrics <list>", `some of ${METRICS.join(",")}`).argParser(listOf(METRICS))
        .default(METRICS.slice(0, 4)),
    )
    .addOption(from(
      "Koehn 2004; sacreBLEU",
      new Option("--bootstrap <n>", "resamples of the paired bootstrap")
        .argParser(integer(1, 1_000_000)),
    ))
    .addOption(withFacts(
      new Option("--tokenize <name>", "BLEU's tokenizer")
        .choices(["13a", "intl", "zh", "none", "char"] as const).default("13a" as const),
      { source: "sacreBLEU", ways: OTHER_TOKENIZERS },
    ))
    .addOption(from(
      "sacreBLEU",
      new Option("--smooth <name>", "BLEU's smoothing")
        .choices(["exp", "floor", "add-k", "none"] as const).default("exp" as const),
    ))
    .addOption(from("sacreBLEU", new Option("--lowercase", "ignore case").default(false)))
    .addOption(
      from("rouge_score", new Option("--stem", "ROUGE with Porter stemming").default(false)),
    )
    .addOption(
      new Option(
        "--rouge-tokenize <name>",
        "ROUGE's words: of a to z and digits, or of all scripts",
      )
        .choices(["alnum", "unicode"] as const).default("alnum" as const),
    )
    .addOption(from(
      "sacreBLEU",
      new Option("--sentence-level", "a score for each line, as a table with tabs").default(false),
    ))
    .option("--json", "print JSON", false)
    .action(async (options) => {
      const { evaluate } = await import("../../commands/evaluate.ts");
      const { hypotheses, references, data, model, metrics, bootstrap, json, ...rest } = options;
      const { tokenize, smooth, lowercase, stem, rougeTokenize, sentenceLevel } = rest;
      const forms = { tokenize, smooth, lowercase, stem, rougeTokenize, sentenceLevel };
      const scoring = { metrics, bootstrap, ...forms, json };
      const generation = model === undefined
        ? undefined
        : { ...generationValues(plain), maxWait: 0, window: undefined };
      await evaluate(
        withoutUndefined({ hypotheses, references, data, models: model, generation, ...scoring }),
        environment,
      );
    });
  const plain = command as CommandUnknownOpts;
  addGenerationOptions(plain, ofEvaluate);
  addGuide(plain, {
    examples: [
      "ardiff evaluate --hypotheses out.fr --references ref.fr",
      "ardiff evaluate --hypotheses out.txt --data dev.jsonl --metrics bleu,cider,coverage",
      "ardiff evaluate --hypotheses a.fr b.fr --references ref.fr --bootstrap 1000 --json",
      "ardiff evaluate --model commongen-small --data dev.jsonl --steps 5 --candidates 10",
      "ardiff evaluate -m commongen-small -m MODEL --data dev.jsonl --json",
    ],
    remarks: [
      "Options from --steps on are those of generate, for --model. Several models are compared with the\n" +
      "first by 1000 resamples of the paired bootstrap, unless --bootstrap says otherwise.",
    ],
  });
  return plain;
}

/** An option of generation as far as outputs are at hand, one for each line. */
function ofEvaluate(row: GenerationOption<unknown>): GenerationOption<unknown> | undefined {
  if (row.ofStreams) return undefined;
  if (row !== GENERATION_OPTIONS.select) return row;
  return { ...row, type: nameOf(["auto", ...SELECTORS.filter((name) => name !== "all")]) };
}

/** What takes the place of sacreBLEU's tokenizers that need a dictionary or a model. */
const OTHER_TOKENIZERS = {
  "ja-mecab": withWords("MeCab"),
  "ko-mecab": withWords("MeCab-ko"),
  "spm": withWords("SentencePiece"),
  "flores101": withWords("SentencePiece"),
  "flores200": withWords("SentencePiece"),
};

function withWords(program: string): string {
  return `ardiff does not come with ${program}: choose "char"; or "none", after ${program} has put ` +
    "spaces between the words of outputs and references.";
}

/** Notes who an option's default comes from. */
function from<O extends Option>(source: string, option: O): O {
  return withFacts(option, { source });
}
