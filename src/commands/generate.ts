/** `ardiff generate`: a line in, a line out. */
import { ExitCode, UserError } from "../errors.ts";
import type { OutputFormat } from "../generation/choices.ts";
import type { GenerationRequest } from "../generation/constraints.ts";
import { formatResult } from "../generation/format.ts";
import type { GenerationResult } from "../generation/generate.ts";
import { type InputFormat, readInputs } from "../generation/inputs.ts";
import { openLines } from "../generation/line_source.ts";
import { Model } from "../generation/mod.ts";
import { generationOptionsOf, loadOptionsOf } from "../generation/option_parts.ts";
import type { GENERATION_OPTIONS, LOAD_OPTIONS, ValuesOf } from "../generation/options.ts";
import { originOf } from "../generation/output_origin.ts";
import { conclude, ResumableOutput } from "../generation/resumable_output.ts";
import type { Shard } from "../generation/shard.ts";
import { PAGE_END, pageSection, pageStart } from "../generation/trace_html.ts";
import { traceAsText } from "../generation/trace_text.ts";
import type { Environment } from "../host/environment.ts";
import { Interrupts } from "../host/interrupts.ts";
import type { JsonObject } from "../host/json_value.ts";
import { tell } from "../host/messages.ts";
import { ProgressBar } from "../host/progress_bar.ts";
import { inputFile, openOutput } from "../host/streams.ts";
import { supports } from "../mbr/select.ts";

/** How a model is loaded and what it is asked for. */
export interface ModelRunOptions
  extends ValuesOf<typeof GENERATION_OPTIONS>, ValuesOf<typeof LOAD_OPTIONS> {
  readonly model: string;
}

/** Options of the command. */
interface GenerateCommandOptions extends ModelRunOptions {
  /** Input file; undefined for standard input. */
  readonly input?: string;
  readonly inputFormat: InputFormat;
  /** The field of JSON input that holds the source. */
  readonly field: string;
  readonly shard?: Shard;
  /** Output file; undefined for standard output. */
  readonly output?: string;
  /** Go on with the output where an earlier run has left it. */
  readonly resume: boolean;
  readonly format: OutputFormat;
  /** Print how each sentence settles in the place of the formatted result. */
  readonly trace: boolean;
  /** File that receives the same as a page. */
  readonly traceHtml?: string;
}

/** Runs the command. */
export async function generate(
  options: GenerateCommandOptions,
  environment: Environment,
): Promise<void> {
  checkSelection(options);
  const recorded = await originOf(options);
  using resumed = recorded && options.resume
    ? ResumableOutput.open(recorded.path, recorded.origin, recorded.lines)
    : undefined;
  if (resumed?.isFinished) return;
  const done = resumed?.lines ?? 0;
  const { lines, total } = await openLines({
    path: inputFile(options.input),
    stdin: () => environment.stdin,
    shard: options.shard,
    count: environment.interactive,
  });
  using progress = new ProgressBar(environment, "lines", total, done);
  progress.announce(`loading ${options.model}`);
  using model = await Model.load(options.model, loadOptionsOf(options));
  progress.announce("loaded");
  // From here on a signal ends what can be ended between two calls; before, it ends the process.
  using interrupts = new Interrupts();
  using opened = resumed === undefined
    ? await openOutput(options.output, environment, interrupts.signal)
    : undefined;
  const output = resumed ?? opened!;
  using page = options.traceHtml === undefined
    ? undefined
    : await openOutput(options.traceHtml, environment, interrupts.signal);
  const notes = new Notes(environment, progress, done);
  // The objects of the lines whose results are not written yet, the oldest first.
  const records: JsonObject[] = [];
  const inputs = requestsOf(readInputs(lines, { ...options, ...notes.ofInput }), records, done);
  const tokenText = (id: number) => model.tokenizer.tokenText(id);
  const { text, diffusion } = model.config;
  const pageModel = { tokenText, padId: text.pad_id, steps: diffusion.steps };
  const format = options.trace
    ? (result: GenerationResult) => traceAsText(result, tokenText)
    : (result: GenerationResult, record?: JsonObject) =>
      `${formatResult(result, options.format, options.seed, record)}\n`;

  const { model: name, steps, skip, seed } = options;
  const facts = { model: name, steps: `${steps}`, skip, seed: `${seed}` };
  await page?.write(pageStart(`How ${name} settles`, facts));
  try {
    const results = model.generate(inputs, {
      ...generationOptionsOf(options),
      trace: options.trace || page !== undefined,
      scores: options.format === "jsonl",
      mbrThreads: navigator.hardwareConcurrency,
    }, interrupts.signal);
    for await (const result of results) {
      progress.hide();
      await output.write(format(result, records.shift()));
      await page?.write(pageSection(result, pageModel));
      notes.count(result);
      progress.advance();
    }
  } finally {
    await page?.write(PAGE_END);
  }
  output.finish();
  if (recorded && !resumed) conclude(recorded.path, recorded.origin, recorded.lines);
  page?.finish();
  notes.report(text.max_source_tokens);
}

/** What inputs behind the first ask for; the objects that they lay in are put aside. */
async function* requestsOf(
  inputs: ReturnType<typeof readInputs>,
  records: JsonObject[],
  skipped: number,
): AsyncGenerator<GenerationRequest, void, undefined> {
  let place = 0;
  for await (const { record, ...request } of inputs) {
    if (place++ < skipped) continue;
    records.push(record);
    yield request;
  }
}

/** @throws {UserError} for a method that does not go with the utility */
export function checkSelection({ mbrMethod, utility }: ModelRunOptions): void {
  if (supports(mbrMethod, utility)) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot use --mbr-method "${mbrMethod}" with --utility "${utility}", which has no mean ` +
      'statistics to compare with: choose "exact" or "prune", or another utility',
  );
}

/** What people are told about their input. */
export class Notes {
  #lines: number;
  #truncated = 0;
  #failed = 0;
  readonly #environment: Environment;
  readonly #progress: ProgressBar;

  /** @param lines results of an earlier run */
  constructor(environment: Environment, progress: ProgressBar, lines = 0) {
    this.#lines = lines;
    this.#environment = environment;
    this.#progress = progress;
  }

  /** What is told at once: whoever pipes damaged text wants to stop. */
  readonly ofInput = {
    onDamage: (line: number, flaw: string) => this.#say(`Line ${line}: ${flaw}`),
    onFailure: (line: number, flaw: string) => {
      this.#failed++;
      this.#say(`Line ${line} gives an empty output: ${flaw}`);
    },
  };

  /** Takes note of a result that was written. */
  count({ truncated }: Pick<GenerationResult, "truncated">): void {
    this.#lines++;
    if (truncated) this.#truncated++;
  }

  /** @throws {UserError} where an input could not be used */
  report(limit: number): void {
    if (this.#truncated > 0) {
      this.#say(`${countOf(this.#truncated)} over ${limit} tokens and cut to that`);
    }
    if (this.#failed > 0) {
      throw new UserError(
        ExitCode.data,
        `Cannot use ${this.#failed} of ${this.#lines} input lines: their outputs are empty`,
      );
    }
  }

  #say(message: string): void {
    this.#progress.hide();
    tell(this.#environment, `${message}.`);
  }
}

function countOf(lines: number): string {
  return lines === 1 ? "1 line was" : `${lines} lines were`;
}
