/** `ardiff score`: how probable given texts are under a model. */
import type { PairFormat } from "../generation/choices.ts";
import { openLines } from "../generation/line_source.ts";
import { Model } from "../generation/mod.ts";
import { loadOptionsOf } from "../generation/option_parts.ts";
import { formatScore, type PairInput, readPairLines } from "../generation/pair_lines.ts";
import type { TextPair } from "../generation/score_pairs.ts";
import type { Environment } from "../host/environment.ts";
import { Interrupts } from "../host/interrupts.ts";
import { tell } from "../host/messages.ts";
import { ProgressBar } from "../host/progress_bar.ts";
import { inputFile, openOutput } from "../host/streams.ts";
import type { InputFormat } from "../generation/inputs.ts";
import { type ModelRunOptions, Notes } from "./generate.ts";

/** Options of the command. */
interface ScoreCommandOptions extends ModelRunOptions {
  /** Input file; undefined for standard input. */
  readonly input?: string;
  readonly inputFormat: InputFormat;
  /** The fields of JSON input that hold source and target. */
  readonly field: string;
  readonly targetField: string;
  /** Output file; undefined for standard output. */
  readonly output?: string;
  readonly format: PairFormat;
}

/** Runs the command. */
export async function score(
  options: ScoreCommandOptions,
  environment: Environment,
): Promise<void> {
  const { lines, total } = await openLines({
    path: inputFile(options.input),
    stdin: () => environment.stdin,
    shard: undefined,
    count: environment.interactive,
  });
  using progress = new ProgressBar(environment, "lines", total);
  progress.announce(`loading ${options.model}`);
  using model = await Model.load(options.model, loadOptionsOf(options));
  progress.announce("loaded");
  using interrupts = new Interrupts();
  using output = await openOutput(options.output, environment, interrupts.signal);
  const notes = new Notes(environment, progress);
  // Lines whose scores are not written yet, the oldest first.
  const waiting: PairInput[] = [];
  const { batchSize, maxWait } = options;
  const pairs = pairsOf(readPairLines(lines, { ...options, ...notes.ofInput }), waiting);
  const all = { sum: 0, tokens: 0, targets: 0 };
  for await (const score of model.score(pairs, { batchSize, maxWait }, interrupts.signal)) {
    progress.hide();
    await writeEmpty();
    await write(waiting.shift()!, score);
    all.sum += score.sum;
    all.tokens += score.tokens.length;
    all.targets++;
    notes.count(score);
    progress.advance();
  }
  await writeEmpty();
  output.finish();
  progress.hide();
  if (all.tokens > 0) tell(environment, totalOf(all));
  notes.report(model.config.text.max_source_tokens);

  /** Writes the lines without a pair that come next. */
  async function writeEmpty(): Promise<void> {
    while (waiting.length > 0 && waiting[0]!.pair === undefined) {
      await write(waiting.shift()!, undefined);
      notes.count({ truncated: false });
    }
  }

  async function write(
    { record }: PairInput,
    score: Parameters<typeof formatScore>[0],
  ): Promise<void> {
    await output.write(`${formatScore(score, options.format, record)}\n`);
  }
}

/** The pairs of inputs, all of which are put aside. */
async function* pairsOf(
  inputs: AsyncIterable<PairInput>,
  waiting: PairInput[],
): AsyncGenerator<TextPair, void, undefined> {
  for await (const input of inputs) {
    waiting.push(input);
    if (input.pair !== undefined) yield input.pair;
  }
}

/** What holds of all targets together, as a sentence. */
function totalOf(
  { sum, tokens, targets }: {
    readonly sum: number;
    readonly tokens: number;
    readonly targets: number;
  },
): string {
  const mean = sum / tokens;
  return `${targets} ${targets === 1 ? "target" : "targets"}, ${tokens} tokens: log-probability ` +
    `${sum.toFixed(4)}, ${mean.toFixed(4)} a token, perplexity ${Math.exp(-mean).toFixed(4)}.`;
}
