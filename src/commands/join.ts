/** `ardiff join`: the outputs of all shards of an input, checked against their manifests, as one. */
import { ExitCode, UserError } from "../errors.ts";
import {
  differenceOf,
  manifestPath,
  type OutputManifest,
  readOutputManifest,
} from "../generation/output_manifest.ts";
import { conclude } from "../generation/resumable_output.ts";
import type { Environment } from "../host/environment.ts";
import { digestOf } from "../host/manifest.ts";
import { openOutput } from "../host/streams.ts";

/** Options of the command. */
interface JoinCommandOptions {
  /** Outputs of `generate --shard`, in any order. */
  readonly shards: readonly string[];
  /** Output file; undefined for standard output. */
  readonly output?: string;
}

/** An output of a shard. */
interface ShardFile {
  readonly path: string;
  readonly manifest: OutputManifest;
}

/** Runs the command. */
export async function join(
  { shards, output: path }: JoinCommandOptions,
  environment: Environment,
): Promise<void> {
  const files = shards.map((path) => ({ path, manifest: manifestOf(path) }));
  const ordered = inOrder(files);
  ordered.forEach(expectUnchanged);
  using output = await openOutput(path, environment);
  for (const { path } of ordered) {
    using file = await Deno.open(path);
    const decoder = new TextDecoderStream("utf-8", { ignoreBOM: true });
    for await (const text of file.readable.pipeThrough(decoder)) await output.write(text);
  }
  output.finish();
  if (path === undefined || path === "-" || !Deno.statSync(path).isFile) return;
  const lines = ordered.reduce((sum, { manifest }) => sum + manifest.lines, 0);
  conclude(path, { ...ordered[0]!.manifest, shard: null }, lines);
}

function manifestOf(path: string): OutputManifest {
  const manifest = readOutputManifest(path);
  if (manifest !== undefined) return manifest;
  throw new UserError(
    ExitCode.data,
    `Cannot join "${path}": there is no "${
      manifestPath(path)
    }"; generate it with --shard, --input ` +
      "and --output",
  );
}

/**
 * Shards in their order.
 *
 * @throws {UserError} where one is missing, there twice, unfinished or made from something else
 */
function inOrder(files: readonly ShardFile[]): ShardFile[] {
  const [first] = files as [ShardFile];
  const count = first.manifest.shard?.count ?? 1;
  const places = new Map<number, ShardFile>();
  for (const file of files) {
    const { path, manifest } = file;
    const refuse = (flaw: string) => failed(`Cannot join "${path}": ${flaw}`);
    const difference = differenceOf(first.manifest, manifest);
    if (difference !== undefined) {
      refuse(`${difference} is not that of "${first.path}"; generate it again with the same`);
    }
    const index = manifest.shard?.index ?? 1;
    if ((manifest.shard?.count ?? 1) !== count) {
      refuse(`it is one of ${manifest.shard?.count ?? 1} shards, but "${first.path}" of ${count}`);
    }
    if (manifest.output === null) {
      refuse("it is not finished; run its command again with --resume");
    }
    const other = places.get(index);
    if (other !== undefined) refuse(`it is shard ${index}/${count}, and so is "${other.path}"`);
    places.set(index, file);
  }
  return Array.from({ length: count }, (_, i) =>
    places.get(i + 1) ?? failed(
      `Cannot join ${files.length} of ${count} shards: shard ${i + 1}/${count} is missing`,
    ));
}

function expectUnchanged({ path, manifest }: ShardFile): void {
  let digest: string;
  try {
    digest = digestOf(path);
  } catch (cause) {
    throw new UserError(ExitCode.data, `Cannot read "${path}": there is no such file`, { cause });
  }
  if (digest === manifest.output) return;
  failed(
    `Cannot join "${path}": it is not what was generated, its hash differs from that in ` +
      `"${manifestPath(path)}"; generate it again`,
  );
}

function failed(message: string): never {
  throw new UserError(ExitCode.check, message);
}
