/** Reads a checkpoint's weights in whichever of the published file formats it has. */
import { ExitCode, UserError } from "../errors.ts";
import { readFileBytes } from "../host/files.ts";
import { looksLikeSafetensors, parseSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./tensors.ts";
import { parseTorchCheckpoint } from "./torch_checkpoint.ts";
import { looksLikeZip } from "./zip.ts";

/** Weights by published name. */
interface PublishedWeights {
  /** Tensors as stored, with whatever else the file holds. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The keys inside the file under which they were found. */
  readonly path: readonly string[];
}

/**
 * Reads the weights of a safetensors file or of a checkpoint that `torch.save` wrote.
 *
 * @throws {UserError} where the file is neither, or damaged
 */
export function readPublishedWeights(path: string): PublishedWeights {
  const bytes = readFileBytes(path);
  if (looksLikeZip(bytes)) return parseTorchCheckpoint(bytes, path);
  if (looksLikeSafetensors(bytes)) return { ...parseSafetensors(bytes, path), path: [] };
  throw new UserError(
    ExitCode.model,
    `Cannot read checkpoint "${path}": it is neither safetensors nor a file of torch.save ` +
      "(PyTorch 1.6 or later); load an older one in Python and save it again",
  );
}
