/**
 * `FILE.manifest.json` beside an output: what its lines were generated from. It tells whether a run that
 * was killed can go on, and whether shards belong together.
 */
import { createHash } from "node:crypto";
import { MODEL_FILES } from "../denoiser/model_folder.ts";
import { resolveModel } from "../denoiser/model_path.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import { statIfPresent, writeAll, writeFileAtomically } from "../host/files.ts";
import { integer, nullable, readKnownFields, text as string } from "../host/json_fields.ts";
import { isObject, type JsonObject } from "../host/json_value.ts";
import { digestOf } from "../host/manifest.ts";
import type { Shard } from "./shard.ts";

/** What the lines of an output follow from. */
export interface OutputOrigin {
  /** Version of ardiff, whose next may compute otherwise. */
  readonly version: string;
  /** SHA-256 of the model's files. */
  readonly model: string;
  /** SHA-256 of the whole input. */
  readonly input: string;
  /** Options that the lines depend on. */
  readonly options: JsonObject;
  /** The part of the input, null for all of it. */
  readonly shard: Shard | null;
}

/** The content of the file. */
export interface OutputManifest extends OutputOrigin {
  /** Lines of the output. */
  readonly lines: number;
  /** SHA-256 of the output; null while it is being written. */
  readonly output: string | null;
}

const FORMAT = "ardiff-output-1";

/** The manifest's path beside an output. */
export function manifestPath(output: string): string {
  return `${output}.manifest.json`;
}

/**
 * A hash of a model's files.
 *
 * @throws {UserError} where there is no such model
 */
export function modelHash(pathOrName: string): string {
  const folder = resolveModel(pathOrName);
  const digests = Object.values(MODEL_FILES).map((name) => digestOf(`${folder}/${name}`));
  return createHash("sha256").update(digests.join("\n")).digest("hex");
}

/** Writes the manifest of an output, whole or not at all. */
export function writeOutputManifest(output: string, manifest: OutputManifest): void {
  const json = `${JSON.stringify({ format: FORMAT, ...manifest }, null, 2)}\n`;
  writeFileAtomically(manifestPath(output), (file) => {
    writeAll(file, new TextEncoder().encode(json));
  });
}

/**
 * Reads the manifest of an output; undefined where there is none.
 *
 * @throws {UserError} where it is damaged
 */
export function readOutputManifest(output: string): OutputManifest | undefined {
  const path = manifestPath(output);
  if (statIfPresent(path) === null) return undefined;
  const fail: Fail = (problem) => {
    throw new UserError(
      ExitCode.data,
      `Cannot use "${path}": ${problem}; remove it and generate "${output}" anew`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    return fail(messageOf(error));
  }
  if (!isObject(value) || value.format !== FORMAT) {
    return fail(`it is no manifest of the format "${FORMAT}"`);
  }
  const { format: _format, ...fields } = value;
  const { shard, ...rest } = readKnownFields(
    fields,
    {
      version: string,
      model: string,
      input: string,
      options: anObject,
      shard: nullable(anObject),
      lines: COUNT,
      output: nullable(string),
    },
    "",
    fail,
  );
  return { ...rest, shard: shard && readKnownFields(shard, SHARD, "shard", fail) };
}

const COUNT = integer(0, Number.MAX_SAFE_INTEGER);
const SHARD = { index: COUNT, count: COUNT };
const anObject = {
  expected: "an object",
  accepts: (value: unknown): value is JsonObject => isObject(value),
};

/**
 * What differs between the origins of two outputs, in the words of messages; undefined where nothing
 * does. Shards are not compared.
 */
export function differenceOf(left: OutputOrigin, right: OutputOrigin): string | undefined {
  for (const name of ["version", "model", "input"] as const) {
    if (left[name] !== right[name]) return NOUNS[name];
  }
  const names = Object.keys({ ...left.options, ...right.options });
  const changed = names.find((name) =>
    JSON.stringify(left.options[name]) !== JSON.stringify(right.options[name])
  );
  return changed === undefined ? undefined : `the option "${changed}"`;
}

const NOUNS = {
  version: "the version of ardiff",
  model: "the model",
  input: "the input",
} as const;
