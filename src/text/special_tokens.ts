/**
 * Finds the tokens that frame a sequence: padding, beginning and end. Hugging Face's tokenizer.json
 * does not say which is which, so they are found by what the post-processor puts around a text and
 * by their usual names.
 */

import { isObject, type JsonObject, tokenizerError, type TokenizerFile } from "./tokenizer_file.ts";

/** Ids of the tokens that frame a sequence. */
export interface SpecialTokens {
  /** Fills the slots after the end. */
  readonly pad: number;
  /** Put before a sequence; null where the tokenizer has none. */
  readonly bos: number | null;
  /** Ends a sequence. */
  readonly eos: number;
}

const PAD_NAMES = ["<pad>", "[PAD]", "<|pad|>", "<PAD>"];
const EOS_NAMES = ["</s>", "[SEP]", "<eos>", "<|endoftext|>"];

/**
 * The special tokens of a file. Beginning and end are the ones its post-processor adds; without a
 * post-processor the end goes by name, and the beginning is `[CLS]` (BERT's form) or none.
 *
 * @throws {UserError} where no padding or no end token is found
 */
export function findSpecialTokens(file: TokenizerFile): SpecialTokens {
  const byName = (names: readonly string[]) =>
    names.map((name) => file.idOf.get(name)).find((id) => id !== undefined);
  const need = (id: number | undefined, role: string, names: readonly string[]) => {
    if (id !== undefined) return id;
    throw tokenizerError(
      file.source,
      `it has no ${role} token: expected one of ${names.join(", ")}`,
    );
  };
  const frame = postProcessorFrame(file.root["post_processor"]);
  return {
    pad: need(byName(PAD_NAMES), "padding", PAD_NAMES),
    bos: byName(frame ? frame.before : ["[CLS]"]) ?? null,
    eos: need(byName([...(frame?.after ?? []), ...EOS_NAMES]), "end", EOS_NAMES),
  };
}

/** Ids that decoded text leaves out: the special tokens of the file and those that frame. */
export function silentIds(file: TokenizerFile, { pad, bos, eos }: SpecialTokens): Set<number> {
  const special = file.added.filter((token) => token.special).map(({ id }) => id);
  return new Set([...special, pad, eos, ...(bos === null ? [] : [bos])]);
}

/** Names of the tokens put before and after a single text. */
interface Frame {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What a post-processor puts around a text; undefined where it is none that adds tokens. */
function postProcessorFrame(entry: unknown): Frame | undefined {
  if (!isObject(entry)) return undefined;
  switch (entry["type"]) {
    case "TemplateProcessing":
      return templateFrame(entry);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: pairName(entry["cls"]), after: pairName(entry["sep"]) };
    case "Sequence":
      return list(entry["processors"]).map(postProcessorFrame).find((frame) => frame !== undefined);
    default:
      return undefined;
  }
}

/** Reads `single: [{SpecialToken: {id}}, {Sequence: {id}}, {SpecialToken: {id}}]`. */
function templateFrame(entry: JsonObject): Frame {
  const pieces = list(entry["single"]).filter(isObject);
  const text = pieces.findIndex((piece) => "Sequence" in piece);
  const names = (range: readonly JsonObject[]) =>
    range.flatMap(({ SpecialToken: token }) =>
      isObject(token) && typeof token["id"] === "string" ? [token["id"]] : []
    );
  return {
    before: names(pieces.slice(0, Math.max(text, 0))),
    after: names(pieces.slice(text + 1)),
  };
}

/** The name in `[name, id]`. */
function pairName(value: unknown): string[] {
  const [name] = list(value);
  return typeof name === "string" ? [name] : [];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
