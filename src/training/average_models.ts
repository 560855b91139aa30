/**
 * Averages the weights of several checkpoints or model folders into a model folder: the last few of a
 * run are often better together than any one of them.
 */
import { formatModelConfig } from "../denoiser/config.ts";
import { loadModelFolder, type ModelFolder, writeModelFolder } from "../denoiser/model_folder.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { ExitCode, UserError } from "../errors.ts";
import { VERSION } from "../version.ts";

/** How an average is written. */
export interface AverageOptions {
  /** The model folder to write. */
  readonly output: string;
  /** How its weights are stored. Default "f32". */
  readonly dtype?: "f32" | "bf16";
}

/**
 * Writes the mean of the weights of models; of checkpoints, those that generate, which are a moving
 * average themselves. All else is the first model's.
 *
 * @param paths checkpoints or model folders, at least two
 * @throws {UserError} where one cannot be loaded or differs in more than its weights, or the output
 *   cannot be written
 */
export function averageModels(
  paths: readonly string[],
  { output, dtype = "f32" }: AverageOptions,
): void {
  if (paths.length < 2) {
    throw new UserError(
      ExitCode.usage,
      `Cannot average ${paths.length} model: expected at least two checkpoints or model folders`,
    );
  }
  const folders = paths.map((path) => loadModelFolder(path));
  const [first, ...others] = folders as [ModelFolder, ...ModelFolder[]];
  for (const other of others) expectSameModel(first, other);
  writeModelFolder(output, {
    config: {
      ...first.config,
      provenance: {
        created_by: `ardiff ${VERSION}`,
        source: `the average of ${folders.map(nameOf).join(", ")}`,
      },
    },
    values: (name) => mean(folders.map(({ tensors }) => toFloat32(tensors.get(name)!))),
    dtype: dtype === "bf16" ? "BF16" : "F32",
    tokenizerJson: first.tokenizerJson,
    readme: readmeOf(folders),
  });
}

/** Models differ in their weights and where they come from, and in nothing else. */
function expectSameModel(first: ModelFolder, other: ModelFolder): void {
  const withoutOrigin = ({ config }: ModelFolder) => {
    const { created_by, source } = first.config.provenance;
    return formatModelConfig({ ...config, provenance: { created_by, source } });
  };
  const parts = [
    ["configuration", withoutOrigin(first) === withoutOrigin(other)],
    ["tokenizer", first.tokenizerJson === other.tokenizerJson],
  ] as const;
  const different = parts.find(([, isSame]) => !isSame);
  if (different === undefined) return;
  throw new UserError(
    ExitCode.model,
    `Cannot average "${first.path}" and "${other.path}": their ${different[0]} differs; expected ` +
      "checkpoints of one run, or models of runs with the same tokenizer and network",
  );
}

/** The mean of lists of the same length, summed in float64. */
function mean(lists: readonly Float32Array<ArrayBuffer>[]): Float32Array<ArrayBuffer> {
  return lists[0]!.map((_, i) => lists.reduce((sum, values) => sum + values[i]!, 0) / lists.length);
}

/** The last part of a folder's path: of a checkpoint, its step. */
function nameOf({ path }: ModelFolder): string {
  return path.replace(/\/+$/, "").replace(/^.*\//, "");
}

function readmeOf(folders: readonly ModelFolder[]): string {
  return `# Average of ${folders.length} models\n\nThe mean of the weights of:\n\n` +
    folders.map((folder) => `- ${nameOf(folder)}\n`).join("") +
    "\nWhat they were trained on, and its licence, is in their cards and that of their run.\n";
}
