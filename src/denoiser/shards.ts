/** Weights in several safetensors files, found by the index that Hugging Face's programs write. */
import { ExitCode, UserError } from "../errors.ts";
import { parseJsonText } from "../json_text.ts";
import { describe, isObject } from "../host/json_value.ts";
import { readSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./tensors.ts";

/** More files than any model has; an index could name the same one a million times otherwise. */
const MAX_SHARDS = 10_000;

/** The name of a file that is one of several. */
const SHARD = /-(\d+)-of-(\d+)\.safetensors$/;

/** Whether bytes look like the index rather than weights. */
export function looksLikeIndex(bytes: Uint8Array): boolean {
  return /^\s*\{[^]*"weight_map"/.test(new TextDecoder().decode(bytes.subarray(0, 65_536)));
}

/**
 * Reads the tensors that an index names from the files beside it.
 *
 * @param json the index
 * @param source its path
 * @throws {UserError} where it is damaged, or names files elsewhere or tensors that they lack
 */
export function readShards(json: string, source: string): ReadonlyMap<string, StoredTensor> {
  const fail = (problem: string): never => {
    throw new UserError(ExitCode.model, `Cannot read index "${source}": ${problem}`);
  };
  const map = weightMap(json) ?? fail('it is not JSON with an object "weight_map"');
  const folder = source.slice(0, source.lastIndexOf("/") + 1);
  const files = new Set(Object.values(map));
  if (files.size > MAX_SHARDS) fail(`it names ${files.size} files`);
  for (const file of files) {
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      fail(`it names ${describe(file)}, expected a safetensors file in the same folder`);
    }
  }
  const shards = new Map(
    [...files].map((file) => [file, readSafetensors(`${folder}${file}`).tensors] as const),
  );
  return new Map(
    Object.entries(map).map(([name, file]) => {
      const tensor = shards.get(file)?.get(name);
      return [name, tensor ?? fail(`tensor "${name}" is not in "${file}", where it should be`)];
    }),
  );
}

/** What to do with a file whose name says that it is one of several; "" for another. */
export function adviceForShard(path: string): string {
  const [, part, parts] = SHARD.exec(path) ?? [];
  return part === undefined
    ? ""
    : `; it is file ${Number(part)} of ${Number(parts)}: give their index, ` +
      "model.safetensors.index.json, instead";
}

function weightMap(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseJsonText(json);
    return isObject(value) && isObject(value["weight_map"]) ? value["weight_map"] : undefined;
  } catch {
    return undefined;
  }
}
