/** `ardiff import`: a published checkpoint becomes a model folder. */

import {
  checkModelConfig,
  MODEL_FORMAT,
  type ModelConfig,
  type Provenance,
} from "../denoiser/config.ts";
import { checkWeights, writeModelFolder } from "../denoiser/model_folder.ts";
import { parseConfig } from "../denoiser/config_text.ts";
import { parameterCounts } from "../denoiser/parameters.ts";
import { readPublishedWeights } from "../denoiser/published_weights.ts";
import {
  isReferenceConfig,
  readReferenceConfig,
  type ReferenceConfig,
} from "../denoiser/reference_config.ts";
import { type StoredTensor, toFloat32 } from "../denoiser/tensors.ts";
import { ExitCode, UserError } from "../errors.ts";
import { readTextFile } from "../host/files.ts";
import { tell } from "../host/messages.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { printable } from "../printable.ts";

/** Options of {@linkcode importModel}. */
export interface ImportOptions {
  /** A safetensors file, or what `torch.save` wrote. */
  readonly weights: string;
  /** The configuration, in the published form or in ours. */
  readonly config: string;
  /** A Hugging Face tokenizer.json. */
  readonly tokenizer: string;
  /** The model folder to write, which must not exist. */
  readonly output: string;
  /** This program and its version, for the model's provenance. */
  readonly createdBy: string;
}

/** The streams of the process, or of a test. */
interface ImportIo {
  /** Takes messages for people. */
  stderr(text: string): void | Promise<void>;
}

/**
 * Converts a checkpoint with the published names of weights. Weights keep their precision: bfloat16
 * where all of them have it, else float32.
 *
 * @throws {UserError} where a file is missing, damaged or does not fit the others
 */
export async function importModel(options: ImportOptions, io: ImportIo): Promise<void> {
  const tokenizerJson = readTextFile(options.tokenizer);
  const tokenizer = await parseTokenizer(tokenizerJson, options.tokenizer);
  const { tensors: published, path, notes: ofWeights } = readPublishedWeights(options.weights);
  const place = path.length > 0 ? `, under "${path.join(".")}"` : "";
  const provenance: Provenance = {
    created_by: options.createdBy,
    source: `imported from ${baseName(options.weights)}${place}`,
  };
  const { config, notes } = readConfig(options.config, tokenizer, provenance, published);
  if (tokenizer.vocabSize > config.network.vocabulary_size) {
    throw new UserError(
      ExitCode.model,
      `Cannot use tokenizer "${options.tokenizer}": it has ${tokenizer.vocabSize} tokens, but the ` +
        `model's vocabulary has ${config.network.vocabulary_size}`,
    );
  }
  const tensors = checkWeights(published, config.network, options.weights);
  writeModelFolder(options.output, {
    config,
    values: (name) => toFloat32(tensors.get(name)!),
    dtype: storedPrecision(tensors),
    tokenizerJson,
  });
  for (const note of [...ofWeights, ...notes]) await tell(io, printable(note));
  const { total } = parameterCounts(config.network);
  await tell(
    io,
    `Imported ${tensors.size} tensors with ${total.toLocaleString("en")} parameters ` +
      `from "${options.weights}"${place} into "${options.output}"`,
  );
}

/** A configuration and what the user should know of how it was read. */
interface ImportedConfig {
  readonly config: ModelConfig;
  readonly notes: readonly string[];
}

function readConfig(
  source: string,
  tokenizer: Tokenizer,
  provenance: Provenance,
  weights: ReadonlyMap<string, StoredTensor>,
): ImportedConfig {
  const value = parseConfig(readTextFile(source), source);
  if (isReferenceConfig(value)) {
    const reference = readReferenceConfig(value, source);
    const written = reference.network.vocabulary_size;
    // The published program puts its tokenizer's size in the place of the option.
    const vocabulary_size = weights.get("word_embedding.weight")?.shape[0] ?? written;
    const network = { ...reference.network, vocabulary_size };
    const { config, notes } = fromReference(
      { ...reference, network },
      source,
      tokenizer,
      provenance,
    );
    if (vocabulary_size === written) return { config, notes };
    const note = `The vocabulary has ${vocabulary_size} tokens, as the weights have it, not ` +
      `"vocab_size" ${written}`;
    return { config, notes: [note, ...notes] };
  }
  const config = checkModelConfig(value, source);
  return { config: { ...config, provenance: { ...config.provenance, ...provenance } }, notes: [] };
}

/** What a published configuration leaves open comes from the tokenizer, as in published code. */
function fromReference(
  reference: ReferenceConfig,
  source: string,
  { special }: Tokenizer,
  provenance: Provenance,
): ImportedConfig {
  const { network, diffusion, target_slots, pad_id, unknown } = reference;
  const config = {
    format: MODEL_FORMAT,
    network,
    diffusion,
    text: {
      target_slots,
      length: "fixed",
      slots_by_source: null,
      rounding: "nearest",
      max_source_tokens: network.max_positions,
      pad_id: special.pad,
      bos_id: special.bos,
      eos_id: special.eos,
    },
    provenance,
  };
  const notes = [];
  if (unknown.length > 0) notes.push(`Ignored options of "${source}": ${unknown.join(", ")}`);
  if (pad_id !== special.pad) {
    notes.push(`Padding is the tokenizer's ${special.pad}, not "pad_value" ${pad_id}`);
  }
  if (network.self_conditioning && !reference.self_conditioning_in_generation) {
    notes.push('Generation will use self-conditioning, although "infer_self_condition" is false');
  }
  return { config: checkModelConfig(config, source), notes };
}

function storedPrecision(tensors: ReadonlyMap<string, StoredTensor>): "F32" | "BF16" {
  return [...tensors.values()].every(({ dtype }) => dtype === "BF16") ? "BF16" : "F32";
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
