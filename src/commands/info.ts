/** `ardiff info`: what a model folder holds. */

import type { ModelConfig } from "../denoiser/config.ts";
import { loadModelFolder } from "../denoiser/model_folder.ts";
import { type ParameterCounts, parameterCounts } from "../denoiser/parameters.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import { printable, printableLines } from "../printable.ts";

/** Options of {@linkcode info}. */
export interface InfoOptions {
  /** The model folder, or the name of a model that comes with the program. */
  readonly model: string;
  /** Print one JSON object instead of text for people. Default false. */
  readonly json?: boolean;
}

/** The streams of the process, or of a test. */
interface InfoIo {
  /** Takes the result. */
  stdout(text: string): void | Promise<void>;
}

/** What `--json` prints. */
interface ModelInfo extends Omit<ModelConfig, "format"> {
  /** The model folder. */
  readonly path: string;
  /** The version of its file format. */
  readonly format: string;
  /** Parameters by part of the network. */
  readonly parameters: ParameterCounts;
  /** How the weights are stored. */
  readonly weights: { readonly dtypes: readonly string[]; readonly bytes: number };
  /** Its kind and size, and the tokens that frame a sequence. */
  readonly tokenizer: {
    readonly kind: string;
    readonly vocabulary_size: number;
    readonly pad: string;
    readonly bos: string | null;
    readonly eos: string;
  };
}

/**
 * Prints configuration, parameter counts, tokenizer and provenance of a model folder, after the
 * checks that every command makes when it loads one.
 *
 * @throws {UserError} where the folder cannot be loaded
 */
export async function info({ model, json = false }: InfoOptions, io: InfoIo): Promise<void> {
  const description = await describeModel(model);
  const text = json ? `${JSON.stringify(description, null, 2)}\n` : format(description);
  await io.stdout(printableLines(text));
}

async function describeModel(pathOrName: string): Promise<ModelInfo> {
  const { path, config, tensors, tokenizerJson } = loadModelFolder(pathOrName);
  const tokenizer = await parseTokenizer(tokenizerJson, `${path}/tokenizer.json`);
  const { pad, bos, eos } = tokenizer.special;
  const stored = [...tensors.values()];
  return {
    path,
    ...config,
    parameters: parameterCounts(config.network),
    weights: {
      dtypes: [...new Set(stored.map(({ dtype }) => dtype))],
      bytes: stored.reduce((sum, { bytes }) => sum + bytes.length, 0),
    },
    tokenizer: {
      kind: tokenizer.kind,
      vocabulary_size: tokenizer.vocabSize,
      pad: tokenizer.tokenText(pad),
      bos: bos === null ? null : tokenizer.tokenText(bos),
      eos: tokenizer.tokenText(eos),
    },
  };
}

/** The sections in the order in which people read them. */
const SECTIONS = [
  "network",
  "diffusion",
  "text",
  "parameters",
  "weights",
  "tokenizer",
  "provenance",
] as const;

/** One heading a section, one aligned line a value. */
function format(info: ModelInfo): string {
  const keys = SECTIONS.flatMap((name) => Object.keys(info[name]));
  const width = Math.max(...keys.map((key) => key.length));
  const sections = SECTIONS.map((name) => {
    const lines = Object.entries(info[name]).map(([key, value]) =>
      `  ${printable(key).padEnd(width)}  ${printed(value, name === "parameters")}\n`
    );
    return `\n${name}\n${lines.join("")}`;
  });
  return `${info.path} (${info.format})\n${sections.join("")}`;
}

/** Counts get separators; identifiers and sizes that one may want to copy do not. */
function printed(value: unknown, isCount: boolean): string {
  if (value === null) return "none";
  if (isCount) return Number(value).toLocaleString("en");
  return printable(Array.isArray(value) ? value.join(", ") : String(value));
}
