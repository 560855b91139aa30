/** `ardiff generate`: a line in, a line out. */
import { type Environment, writeText } from "../cli/environment.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { generate as generateLines, type GenerateOptions } from "../generation/generate.ts";
import { Model } from "../generation/model.ts";
import { resolveDevice } from "../native/device.ts";
import type { Device, Dtype } from "../native/model.ts";
import { type Line, readLines } from "../text/lines.ts";

/** Options of the command. */
export interface GenerateCommandOptions extends GenerateOptions {
  readonly model: string;
  /** Input file; undefined for standard input. */
  readonly input?: string;
  /** Output file; undefined for standard output. */
  readonly output?: string;
  readonly device: "auto" | Device;
  readonly dtype: Dtype;
  readonly threads: number;
}

/** Runs the command. */
export async function generate(
  options: GenerateCommandOptions,
  environment: Environment,
): Promise<void> {
  const input = options.input === undefined ? environment.stdin : openInput(options.input);
  using model = await Model.load(options.model, {
    device: resolveDevice(options.device),
    dtype: options.dtype,
    threads: options.threads,
  });
  using output = options.output === undefined ? undefined : openOutput(options.output);
  const write = output === undefined
    ? (text: string) => environment.stdout(text)
    : (text: string) => writeText(output, text, `"${options.output}"`);
  const warnings = new Warnings(environment);
  const lines = texts(readLines(input), warnings);
  for await (const result of generateLines(model, lines, options)) {
    if (result.truncated) warnings.truncated++;
    await write(`${result.text}\n`);
  }
  warnings.report(model.config.text.max_source_tokens);
}

/** Counts what deserves one message in total. */
class Warnings {
  truncated = 0;

  constructor(readonly environment: Environment) {}

  /** Invalid UTF-8 is told at once: whoever pipes damaged text wants to stop. */
  invalid(line: number): void {
    this.environment.stderr(
      `Line ${line} is not valid UTF-8: the damaged bytes were read as U+FFFD.\n`,
    );
  }

  report(limit: number): void {
    if (this.truncated === 0) return;
    const lines = this.truncated === 1 ? "1 line was" : `${this.truncated} lines were`;
    this.environment.stderr(`${lines} over ${limit} tokens and cut to that.\n`);
  }
}

async function* texts(lines: AsyncIterable<Line>, warnings: Warnings): AsyncGenerator<string> {
  for await (const line of lines) {
    if (line.invalid) warnings.invalid(line.number);
    yield line.text;
  }
}

function openInput(path: string): ReadableStream<Uint8Array> {
  try {
    return Deno.openSync(path).readable;
  } catch (cause) {
    throw new UserError(ExitCode.data, `Cannot read input "${path}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

function openOutput(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (cause) {
    throw new UserError(ExitCode.output, `Cannot write output "${path}": ${messageOf(cause)}`, {
      cause,
    });
  }
}
