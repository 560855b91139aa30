/**
 * Model folders: `config.json`, `model.safetensors` and `tokenizer.json` (and a `README.md` for
 * people), and the manifest that tells whether they are what was written. A folder is checked in full when it is loaded, so that nothing fails halfway through a
 * run, and written so that it is either there in full or not at all.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import {
  parentOf,
  readTextFile,
  removeIfPresent,
  statIfPresent,
  syncFolder,
  temporaryName,
  unwritableFolder,
  writeAll,
  writeFileAtomically,
} from "../host/files.ts";
import { checkManifest, MANIFEST, writeManifest } from "../host/manifest.ts";
import {
  checkModelConfig,
  formatModelConfig,
  type ModelConfig,
  type NetworkConfig,
  parseModelConfig,
} from "./config.ts";
import { resolveModel } from "./model_path.ts";
import { expectedTensors, redundantTensors } from "./parameters.ts";
import { floatTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";
import { adviceForShard } from "./shards.ts";
import { firstNonFinite, isFloatType, type StoredTensor, toFloat32 } from "./tensors.ts";

/** The names of a folder's files. */
export const MODEL_FILES = {
  config: "config.json",
  weights: "model.safetensors",
  tokenizer: "tokenizer.json",
} as const;

/** A loaded folder. */
export interface ModelFolder {
  /** The folder. */
  readonly path: string;
  /** The checked configuration. */
  readonly config: ModelConfig;
  /**
   * Exactly the tensors of `expectedTensors()`, finite and of the right shapes, as stored:
   * `toFloat32()` converts one when it is needed.
   */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The tokenizer in Hugging Face's form, unchecked. */
  readonly tokenizerJson: string;
}

/** What a new folder is to hold. */
export interface ModelFolderContent {
  /** The configuration; it is checked again. */
  readonly config: ModelConfig;
  /** The values of every tensor of `expectedTensors()`, asked for one at a time. */
  readonly values: (name: string) => Float32Array<ArrayBuffer>;
  /** How weights are stored. */
  readonly dtype: "F32" | "BF16";
  /** The tokenizer in Hugging Face's form. */
  readonly tokenizerJson: string;
  /** The model card, if any. */
  readonly readme?: string;
}

/**
 * Loads and checks a model folder.
 *
 * @param pathOrName the folder, or the name of a model that comes with the program
 * @throws {UserError} where a file is missing, damaged, or does not fit the others
 */
export function loadModelFolder(pathOrName: string): ModelFolder {
  const path = resolveModel(pathOrName);
  const file = (name: string) => `${path}/${name}`;
  const configPath = file(MODEL_FILES.config);
  const config = parseModelConfig(readTextFile(configPath), configPath);
  const weightsPath = file(MODEL_FILES.weights);
  const { tensors } = readSafetensors(weightsPath);
  const folder = {
    path,
    config,
    tensors: checkWeights(tensors, config.network, weightsPath),
    tokenizerJson: readTextFile(file(MODEL_FILES.tokenizer)),
  };
  // Last, as a flaw that is found by itself has a name of its own.
  checkManifest(path, (problem) => {
    throw new UserError(
      ExitCode.model,
      `Cannot load model folder "${path}": ${problem}; copy the folder anew, or remove ` +
        `"${path}/${MANIFEST}" where you changed it yourself`,
    );
  }, Object.values(MODEL_FILES));
  return folder;
}

/** Writes the manifest of a model folder's files; that of a checkpoint also lists the others. */
export function writeModelManifest(folder: string): void {
  writeManifest(folder, Object.values(MODEL_FILES));
}

/**
 * Checks that tensors are the weights of a network, and drops those that carry no information.
 *
 * @param source the path of the file they come from, for messages
 * @returns exactly the tensors of `expectedTensors()`
 * @throws {UserError} that names a tensor which is missing, unexpected, of the wrong shape or type,
 *   or not finite
 */
export function checkWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  network: NetworkConfig,
  source: string,
): ReadonlyMap<string, StoredTensor> {
  const fail = (problem: string): never => {
    throw new UserError(ExitCode.model, `Cannot use weights "${source}": ${problem}`);
  };
  const expected = expectedTensors(network);
  const redundant = redundantTensors(network);
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const known = (name: string) => expected.has(name) || redundant.has(name);
  const unexpected = [...tensors.keys()].filter((name) => !known(name));
  if (missing.length > 0) {
    const others = unexpected.length === 0
      ? ""
      : `, while ${listOf("tensor", unexpected)} not part of the network`;
    fail(`${listOf("tensor", missing)} missing${others}${adviceForShard(source)}`);
  }
  if (unexpected.length > 0) fail(`${listOf("tensor", unexpected)} not part of the network`);

  const weights = new Map<string, StoredTensor>();
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name)!;
    if (tensor.shape.join() !== shape.join()) {
      fail(`tensor "${name}" has shape [${tensor.shape}], but the configuration needs [${shape}]`);
    }
    if (!isFloatType(tensor.dtype)) {
      fail(`tensor "${name}" has data type ${tensor.dtype}, expected floating-point numbers`);
    }
    const at = firstNonFinite(tensor);
    if (at >= 0) fail(`tensor "${name}" has NaN or infinity at position ${at}`);
    weights.set(name, tensor);
  }
  checkTie(tensors, fail);
  return weights;
}

/**
 * Writes a model folder beside its place and renames it.
 *
 * @param options with `replace`, an older model folder of that name makes way. (It is moved aside
 *   first: there is a moment at which neither is in place, but none at which both are lost.)
 * @throws {UserError} where it cannot be written, or something of that name exists
 */
export function writeModelFolder(
  path: string,
  content: ModelFolderContent,
  options: { readonly replace: boolean } = { replace: false },
): void {
  checkModelConfig(content.config, `${path}/${MODEL_FILES.config}`);
  const replaces = checkPlace(path, options.replace);
  const temporary = temporaryName(path);
  const aside = `${temporary}-old`;
  try {
    Deno.mkdirSync(temporary, { recursive: true });
    writeFiles(temporary, content);
    if (replaces) Deno.renameSync(path, aside);
    try {
      Deno.renameSync(temporary, path);
    } catch (error) {
      if (replaces) Deno.renameSync(aside, path);
      throw error;
    }
    syncFolder(parentOf(path));
    removeIfPresent(aside);
  } catch (error) {
    removeIfPresent(temporary);
    throw unwritableFolder(path, error);
  }
}

function writeFiles(folder: string, content: ModelFolderContent): void {
  const { config, values, dtype, tokenizerJson, readme } = content;
  const tensors = [...expectedTensors(config.network)].map(([name, shape]) =>
    floatTensor(name, shape, () => values(name), dtype)
  );
  writeSafetensors(`${folder}/${MODEL_FILES.weights}`, tensors, { format: "pt" });
  const texts = {
    [MODEL_FILES.config]: formatModelConfig(config),
    [MODEL_FILES.tokenizer]: tokenizerJson,
    ...(readme === undefined ? {} : { "README.md": readme }),
  };
  for (const [name, text] of Object.entries(texts)) {
    writeFileAtomically(`${folder}/${name}`, (file) => {
      writeAll(file, new TextEncoder().encode(text));
    });
  }
  writeModelManifest(folder);
}

/** Whether a model folder is there to be replaced; anything else that is there is an error. */
function checkPlace(path: string, replace: boolean): boolean {
  const found = statIfPresent(path);
  if (found === null || (found.isDirectory && isEmpty(path))) return false;
  if (!replace) {
    throw new UserError(
      ExitCode.output,
      `Cannot write model folder "${path}": it exists; choose another name or remove it first`,
    );
  }
  if (statIfPresent(`${path}/${MODEL_FILES.config}`) === null) {
    throw new UserError(
      ExitCode.output,
      `Cannot replace "${path}": it is not a model folder (it has no ${MODEL_FILES.config})`,
    );
  }
  return true;
}

/** A checkpoint may carry the output layer's copy of the embedding, but not another matrix. */
function checkTie(tensors: ReadonlyMap<string, StoredTensor>, fail: Fail): void {
  const output = tensors.get("lm_head.weight");
  if (output === undefined) return;
  const embedding = toFloat32(tensors.get("word_embedding.weight")!);
  const copy = isFloatType(output.dtype) ? toFloat32(output) : [];
  if (copy.length !== embedding.length || embedding.some((value, i) => value !== copy[i])) {
    fail('tensor "lm_head.weight" differs from "word_embedding.weight", but ardiff ties the two');
  }
}

/** `tensor "a" is`, `tensors "a", "b" are` or, of many, `tensors "a", ... and 5 others are`. */
function listOf(noun: string, names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  if (names.length === 1) return `${noun} ${quoted} is`;
  if (names.length <= 9) return `${noun}s ${quoted.join(", ")} are`;
  return `${noun}s ${quoted.slice(0, 8).join(", ")} and ${names.length - 8} others are`;
}

function isEmpty(folder: string): boolean {
  return Deno.readDirSync(folder)[Symbol.iterator]().next().done === true;
}
