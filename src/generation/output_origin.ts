/** From the options of a run to what its output is recorded to come from. */
import { createHash } from "node:crypto";
import { ExitCode, UserError } from "../errors.ts";
import { inputFile } from "../host/streams.ts";
import { VERSION } from "../version.ts";
import { generationOptionsOf } from "./option_parts.ts";
import type { GenerationValues, LOAD_OPTIONS, ValuesOf } from "./options.ts";
import { modelHash, type OutputOrigin } from "./output_manifest.ts";
import { countLines, type Shard, shardRange } from "./shard.ts";

/** The options that an output depends on. */
interface OriginOptions extends GenerationValues, ValuesOf<typeof LOAD_OPTIONS> {
  readonly model: string;
  readonly input?: string;
  readonly inputFormat: string;
  readonly field: string;
  readonly shard?: Shard;
  readonly output?: string;
  readonly resume: boolean;
  readonly format: string;
}

/** An output that gets a manifest. */
interface RecordedOutput {
  readonly path: string;
  readonly origin: OutputOrigin;
  /** Lines that it will have. */
  readonly lines: number;
}

/**
 * What a run records of its output: with `resume`, and of a shard that goes from a file to a file;
 * undefined for others.
 *
 * @throws {UserError} where `resume` is asked for and input or output is no file
 */
export async function originOf(options: OriginOptions): Promise<RecordedOutput | undefined> {
  const { output, resume, shard } = options;
  const input = inputFile(options.input);
  if (!resume && shard === undefined) return undefined;
  if (input === undefined || !isRegular(input)) return notAFile(resume, "--input", input);
  if (output === undefined || !isRegular(output, true)) return notAFile(resume, "--output", output);
  const { digest, lines } = await digestLines(input);
  const range = shard && shardRange(shard, lines);
  return {
    path: output,
    lines: range === undefined ? lines : range.end - range.first,
    origin: {
      version: VERSION,
      model: modelHash(options.model),
      input: digest,
      options: recordedOptions(options),
      shard: shard ?? null,
    },
  };
}

/** Options without those that change speed only, as they look when read from JSON. */
function recordedOptions(options: OriginOptions): OutputOrigin["options"] {
  const { maxWait: _wait, window: _window, batchSize: _size, ...others } = generationOptionsOf(
    options,
  );
  const { device, dtype, format, inputFormat, field } = options;
  const json = JSON.stringify(
    { ...others, device, dtype, format, inputFormat, field },
    (_, value: unknown) => typeof value === "bigint" ? String(value) : value,
  );
  return JSON.parse(json);
}

function notAFile(resume: boolean, option: string, path: string | undefined): undefined {
  if (!resume) return undefined;
  throw new UserError(
    ExitCode.usage,
    `Cannot go on with ${
      path === undefined ? "a standard stream" : `"${path}"`
    }: --resume needs a ` +
      `regular file in ${option}`,
  );
}

/** Whether a path leads to a regular file, or to nothing where that will do. */
function isRegular(path: string, orNothing = false): boolean {
  if (path === "" || path === "-") return false;
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    // What else is wrong with it is for those to say who open it.
    return orNothing || !(error instanceof Deno.errors.NotCapable);
  }
}

/** SHA-256 and lines of a file. */
async function digestLines(path: string): Promise<{ digest: string; lines: number }> {
  const hash = createHash("sha256");
  const lines = await countLines(hashing(path, hash));
  return { digest: hash.digest("hex"), lines };
}

async function* hashing(
  path: string,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (cause) {
    const flaw = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : "it cannot be opened";
    throw new UserError(ExitCode.data, `Cannot read input "${path}": ${flaw}`, { cause });
  }
  for await (const chunk of file.readable) {
    hash.update(chunk);
    yield chunk;
  }
}
