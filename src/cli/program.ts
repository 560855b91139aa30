/**
 * The command tree: declarations only. Each action imports its command when it is asked for, so that
 * `--help` and `--version` load neither the native library nor anything else.
 */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { ExitCode } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { Environment } from "./environment.ts";
import {
  addGenerationOptions,
  deviceOption,
  dtypeOption,
  generationValues,
  MBR_METHODS,
  shard,
  threadsOption,
  UTILITIES,
} from "./generation_options.ts";
import { OUTPUT_FORMATS } from "../generation/format.ts";
import { integer, listOf, number } from "./values.ts";

const METRICS = [
  "bleu",
  "chrf",
  "ter",
  "rouge",
  "cider",
  "distinct",
  "self-bleu",
  "coverage",
] as const;

/** All commands, writing through `environment`. */
export function makeProgram(environment: Environment) {
  const program = new Command("ardiff")
    .description("Text generation by auto-regressive diffusion (AR-Diffusion, arXiv 2305.09515).")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true });

  const generateCommand = program.command("generate")
    .description("Generate text: a line in, a line out, in order.")
    .requiredOption("-m, --model <dir>", "model folder")
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
    .addOption(
      new Option("--format <form>", "the sentence; source, tab, sentence; or all that is known")
        .choices(OUTPUT_FORMATS).default("text" as const),
    )
    .addOption(
      new Option("--trace", "print how each sentence settles, network call by network call")
        .default(false).conflicts("format"),
    )
    .option("--trace-html <file>", "write the same as a page")
    .option("--max-wait <ms>", "longest wait for a batch to fill", integer(0, 3_600_000), 100)
    .option(
      "--window <lines>",
      "lines read ahead to find some of similar length (default: 8 batches)",
      integer(1, 10_000_000),
    )
    .addHelpText(
      "after",
      `
Examples:
  echo "dog frisbee catch" | ardiff generate --model models/commongen-small
  ardiff generate -m models/tatoeba-en-fr-small -i lines.en -o lines.fr --steps 5 --candidates 10
  ardiff generate -m MODEL -i data.jsonl --input-format jsonl --field question --format jsonl
  ardiff generate -m MODEL -i lines.en -o out.$TASK --shard $TASK/8      (then: cat out.1 ... out.8)

The text for a line depends on the line, the seed and the options alone: never on the batch size, the
line's place in the file, or the number of threads. Each input line gives one output line: an empty
one for an empty line, and for JSON without the field (the exit code is then ${ExitCode.data}). With --select all the
candidates of a line stand on one line, tabs between them.`,
    )
    .action(async (options) => {
      const { generate } = await import("../commands/generate.ts");
      await generate({
        ...withoutUndefined(options),
        ...generationValues(generateCommand as CommandUnknownOpts),
        maxRows: MAX_ROWS,
      }, environment);
    });
  addGenerationOptions(generateCommand as CommandUnknownOpts, [
    "mbr",
    "first",
    "confidence",
    "mixture",
    "all",
  ]);

  program.command("mbr")
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
    .option("--threads <n>", "worker threads", integer(1, 1024), 1)
    .addHelpText(
      "after",
      `
Example:
  echo '{"candidates": ["a cat sat", "a cat sits", "dogs run"]}' | ardiff mbr --utility chrf`,
    )
    .action(async (options) => {
      const { mbr } = await import("../commands/mbr.ts");
      await mbr(withoutUndefined(options), environment);
    });

  const evaluateCommand = program.command("evaluate")
    .description("Score outputs with the field's metrics.")
    .option("--hypotheses <file...>", "outputs, one file a system")
    .option("-m, --model <dir>", "another system, the first: generate for the sources of --data")
    .option("--references <file...>", "references, one file a reference")
    .option("--data <file>", 'JSON lines {"source": ..., "references": [...]}')
    .addOption(
      new Option("--metrics <list>", `some of ${METRICS.join(",")}`).argParser(listOf(METRICS))
        .default(METRICS.slice(0, 4)),
    )
    .option("--bootstrap <n>", "resamples of the paired bootstrap", integer(1, 1_000_000))
    .addOption(
      new Option("--tokenize <name>", "BLEU's tokenizer")
        .choices(["13a", "intl", "none", "char"] as const).default("13a" as const),
    )
    .addOption(
      new Option("--smooth <name>", "BLEU's smoothing")
        .choices(["exp", "floor", "add-k", "none"] as const).default("exp" as const),
    )
    .option("--lowercase", "ignore case", false)
    .option("--stem", "ROUGE with Porter stemming", false)
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      `
Examples:
  ardiff evaluate --hypotheses out.fr --references ref.fr
  ardiff evaluate --hypotheses out.txt --data dev.jsonl --metrics bleu,cider,coverage
  ardiff evaluate --hypotheses a.fr b.fr --references ref.fr --bootstrap 1000
  ardiff evaluate --model MODEL --data dev.jsonl --steps 5 --candidates 10

Options from --steps on are those of generate, for --model.`,
    )
    .action(async (options) => {
      const { evaluate } = await import("../commands/evaluate.ts");
      const { hypotheses, references, data, model, metrics, bootstrap, json, ...rest } = options;
      const { tokenize, smooth, lowercase, stem } = rest;
      const scoring = { metrics, bootstrap, tokenize, smooth, lowercase, stem, json };
      const generation = model === undefined ? undefined : {
        ...generationValues(evaluateCommand as CommandUnknownOpts),
        model,
        maxRows: MAX_ROWS,
        maxWait: 0,
      };
      await evaluate(
        withoutUndefined({ hypotheses, references, data, generation, ...scoring }),
        environment,
      );
    });
  addGenerationOptions(evaluateCommand as CommandUnknownOpts, [
    "mbr",
    "first",
    "confidence",
    "mixture",
  ]);

  program.command("train")
    .description("Train a model from a TOML configuration; Ctrl-C saves and stops.")
    .argument("<config>", "configuration, see configs/ and docs/options.md")
    .option("--set <section.key=value...>", "overrule single options of the configuration")
    .option("-o, --output <dir>", "folder of the run (default: runs/NAME)")
    .option("--resume", "go on from the last checkpoint of the run", false)
    .option("--max-steps <n>", "stop after this update", integer(1))
    .option("--max-minutes <n>", "stop after this many minutes", number(0, 1e9))
    .option("--device <device>", "overrules training.device: auto, cpu, cuda or cuda:INDEX")
    .option("--dtype <type>", "overrules training.dtype: f32 or bf16")
    .option("--threads <n>", "overrules training.threads", integer(0, 1024))
    .addHelpText(
      "after",
      `
Examples:
  ardiff train configs/smoke.toml
  ardiff train configs/commongen-small.toml --max-minutes 60 --set training.learning_rate=1e-3
  ardiff train configs/commongen-small.toml --resume`,
    )
    .action(async (config, options) => {
      const { train } = await import("../commands/train.ts");
      await train({ config, ...withoutUndefined(options) }, environment);
    });

  program.command("tokenizer")
    .description("Make tokenizers.")
    .command("train")
    .description("Train byte-level BPE on the lines of text files.")
    .requiredOption("-i, --input <file...>", "text files; both sides for a joint vocabulary")
    .requiredOption("--vocab-size <n>", "tokens", integer(1, 2 ** 24))
    .requiredOption("-o, --output <file>", "the tokenizer.json to write")
    .option("--min-frequency <n>", "rarer pairs are not merged", integer(1), 2)
    .action(async (options) => {
      const { trainTokenizer } = await import("../commands/tokenizer.ts");
      await trainTokenizer(options, environment);
    });

  program.command("import")
    .description("Turn a published checkpoint into a model folder.")
    .requiredOption("--weights <file>", "safetensors, or what torch.save wrote")
    .requiredOption("--config <file>", "the checkpoint's config.json")
    .requiredOption("--tokenizer <file>", "a Hugging Face tokenizer.json")
    .requiredOption("-o, --output <dir>", "the model folder to write")
    .action(async (options) => {
      const { importModel } = await import("../commands/import.ts");
      await importModel({ ...options, createdBy: `ardiff ${VERSION}` }, environment);
    });

  program.command("info")
    .description("Show what a model folder holds.")
    .argument("<dir>", "model folder")
    .option("--json", "print JSON", false)
    .action(async (model, options) => {
      const { info } = await import("../commands/info.ts");
      await info({ model, ...options }, environment);
    });

  program.command("doctor")
    .description("Check the installation; exit 0 where generation would work.")
    .option("--json", "print JSON", false)
    .action(async (options) => {
      const { doctor } = await import("../commands/doctor.ts");
      await doctor({ ...options, version: VERSION }, environment);
    });

  program.command("golden")
    .description("Compare this build with values recorded from the reference implementation.")
    .argument("<path...>", "golden folders and schedule.json files")
    .option("--verbose", "every comparison", false)
    .option("--portable", "libtorch's operators in place of the CPU kernels", false)
    .addOption(deviceOption())
    .addOption(dtypeOption())
    .addOption(threadsOption())
    .action(async (paths, options) => {
      const { golden } = await import("../commands/golden.ts");
      const { resolveDevice } = await import("../native/device.ts");
      await golden(paths, { ...options, device: resolveDevice(options.device) }, environment);
    });

  return program;
}

/** Rows in the network at once: bounds memory for any number of candidates. */
const MAX_ROWS = 1024;

/** Options that were given: an absent key, not one that is undefined. */
function withoutUndefined<T extends object>(
  options: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
