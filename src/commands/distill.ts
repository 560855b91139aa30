/** `ardiff distill`: training data whose targets a model, or another system, wrote. */
import { MODEL_FILES } from "../denoiser/model_folder.ts";
import { resolveModel } from "../denoiser/model_path.ts";
import { ExitCode, UserError } from "../errors.ts";
import { Model } from "../generation/mod.ts";
import { generationOptionsOf, loadOptionsOf } from "../generation/option_parts.ts";
import { GENERATION_OPTIONS, type LOAD_OPTIONS, type ValuesOf } from "../generation/options.ts";
import { type Shard, shardRange } from "../generation/shard.ts";
import { Interrupts } from "../host/interrupts.ts";
import { tell } from "../host/messages.ts";
import { ProgressBar } from "../host/progress_bar.ts";
import { type DataSpec, parseDataSpec } from "../text/data_spec.ts";
import { countPairs, distill as distillPairs } from "../training/distill/distill.ts";
import type { Keep } from "../training/distill/keep_names.ts";
import {
  describeDistilled,
  digestsOf,
  isDistilled,
  writeDistillManifest,
} from "../training/distill/manifest.ts";
import { candidatesOfFile, candidatesOfModel } from "../training/distill/sources.ts";
import { type Columns, pairTable } from "./pair_files.ts";

/** Options of {@linkcode distill}. */
export interface DistillCommandOptions
  extends ValuesOf<typeof GENERATION_OPTIONS>, ValuesOf<typeof LOAD_OPTIONS> {
  /** A table of pairs, JSON lines, or two aligned files. */
  readonly data: readonly string[];
  /** Where the sides lie in a table or in JSON lines. */
  readonly columns?: Columns;
  /** Who writes the candidates: a model, or a file that a system has written. */
  readonly model?: string;
  readonly outputs?: string;
  readonly keep: Keep;
  /** Share of pairs whose reference is kept. */
  readonly references: number;
  readonly shard?: Shard;
  /** The file of pairs to write, .tsv or .jsonl; beside it, with .manifest.json after its name, how. */
  readonly output: string;
}

/** The streams of the process, or of a test. */
interface DistillIo {
  stderr(text: string): void;
  readonly interactive: boolean;
}

/** Options of generation on which candidates do not depend. */
const WITHOUT_EFFECT: readonly string[] = [
  "batchSize",
  "maxWait",
  "window",
  "select",
  "utility",
  "mbrMethod",
  "confidenceWeight",
];

/**
 * Writes the data and their manifest. After whatever stopped it, the same command goes on.
 *
 * @throws {UserError} where files cannot be read or written, or do not go together
 */
export async function distill(options: DistillCommandOptions, io: DistillIo): Promise<void> {
  const { model, outputs, keep, references, output, candidates } = options;
  if ((model === undefined) === (outputs === undefined)) {
    throw new UserError(
      ExitCode.usage,
      "Cannot distil from " + (model === undefined ? "nothing" : "two systems at once") +
        ": expected a model in --model, or the outputs of another system in --outputs",
    );
  }
  const data = parseDataSpec(pairTable(options.data, "--data", options.columns), "--data");
  const total = await countPairs(data);
  const { first, end } = shardRange(options.shard ?? { index: 1, count: 1 }, total);
  const settings = settingsOf(options, data);
  if (isDistilled(output, settings)) return void tell(io, `"${output}" is there already, made so.`);
  using interrupts = new Interrupts();
  using progress = new ProgressBar(io, "pairs", end - first);
  using loaded = model === undefined ? undefined : await Model.load(model, loadOptionsOf(options));
  const source = loaded === undefined
    ? candidatesOfFile(outputs!, candidates)
    : candidatesOfModel(loaded, generationOptionsOf(options), interrupts.signal);
  const began = performance.now();
  let [before, done] = [-1, 0];
  const counts = await distillPairs(source, {
    data,
    range: { first: first - 1, end: end - 1 }, // lines count from 1, pairs from 0
    keep,
    references,
    seed: options.seed,
    output,
    settings,
    seal: (counts, path) => writeDistillManifest(output, path, counts, settings),
    onProgress(pairs) {
      if (before < 0) [before, done] = [pairs, pairs];
      for (; done < pairs; done++) progress.advance();
    },
  });
  progress.hide();
  const seconds = (performance.now() - began) / 1000;
  tell(io, describeDistilled(counts, counts.pairs - Math.max(before, 0), seconds));
}

/** All that the output depends on, as values of JSON. */
function settingsOf(options: DistillCommandOptions, data: DataSpec): Record<string, unknown> {
  const { model, outputs, keep, references, shard } = options;
  const values: Readonly<Record<string, unknown>> = { ...options };
  const used = model === undefined
    ? ["candidates", "seed"]
    : [...Object.keys(GENERATION_OPTIONS), "dtype"].filter((name) =>
      !WITHOUT_EFFECT.includes(name)
    );
  return {
    data: digestsOf(data.format === "text" ? [data.sourceFile, data.targetFile] : [data.file]),
    ...model === undefined ? { outputs: digestsOf([outputs!]) } : {
      model,
      weights: digestsOf([MODEL_FILES.weights, MODEL_FILES.config, MODEL_FILES.tokenizer].map(
        (name) => `${resolveModel(model)}/${name}`,
      )),
    },
    columns: options.columns?.join() ?? null,
    keep,
    references,
    shard: shard === undefined ? "1/1" : `${shard.index}/${shard.count}`,
    ...Object.fromEntries(used.map((name) => {
      const value = values[name];
      return [snakeCase(name), typeof value === "bigint" ? `${value}` : value];
    })),
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
