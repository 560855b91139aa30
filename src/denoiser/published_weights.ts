/** Reads a checkpoint's weights in whichever of the published file formats it has. */
import { ExitCode, UserError } from "../errors.ts";
import { readFileBytes } from "../host/files.ts";
import { standIn } from "../host/not_the_file.ts";
import { looksLikeSafetensors, parseSafetensors } from "./safetensors.ts";
import { looksLikeIndex, readShards } from "./shards.ts";
import { stripPrefixes, tieWeights } from "./state_dict.ts";
import type { StoredTensor } from "./tensors.ts";
import { parseTorchCheckpoint } from "./torch_checkpoint.ts";
import { looksLikeZip } from "./zip.ts";

/** Weights by published name. */
interface PublishedWeights {
  /** Tensors as stored, with whatever else the file holds; prefixes of wrappers are left out. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The keys inside the file under which they were found. */
  readonly path: readonly string[];
  /** What people should know of how the file was read, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads the weights of a safetensors file, of several by their index, or of a checkpoint that
 * `torch.save` wrote.
 *
 * @throws {UserError} where the file is none of these, or damaged
 */
export function readPublishedWeights(path: string): PublishedWeights {
  const { ignored = [], ...found } = readTensors(readFileBytes(path), path);
  const { tensors, differed } = tieWeights(stripPrefixes(found.tensors));
  const notes = [];
  if (ignored.length > 0) {
    notes.push(`Ignored what is no tensor beside the weights: ${listed(ignored)}`);
  }
  if (differed) {
    notes.push(
      'Took "lm_head.weight" for "word_embedding.weight" too: the two differ, as in averaged ' +
        "checkpoints, and the published network ends with the first",
    );
  }
  return { tensors, path: found.path, notes };
}

interface FoundTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly path: readonly string[];
  readonly ignored?: readonly string[];
}

function readTensors(bytes: Uint8Array<ArrayBuffer>, path: string): FoundTensors {
  if (looksLikeZip(bytes)) return parseTorchCheckpoint(bytes, path);
  if (looksLikeSafetensors(bytes)) return { ...parseSafetensors(bytes, path), path: [] };
  if (looksLikeIndex(bytes)) return { tensors: readShards(decoded(bytes), path), path: [] };
  const problem = standIn(bytes) ?? "it is neither safetensors nor their index, nor a " +
      "file of torch.save (PyTorch 1.6 or later); load an older one in Python and save it again";
  throw new UserError(ExitCode.model, `Cannot read checkpoint "${path}": ${problem}`);
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function listed(names: readonly string[]): string {
  const rest = names.length - 10;
  return names.slice(0, 10).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
