/**
 * Finds the tokens that frame a sequence: padding, beginning and end. Hugging Face's tokenizer.json
 * does not say which is which, so they are found by what the post-processor puts around a text and
 * by their usual names.
 */

import { isObject, type JsonObject } from "../host/json_value.ts";
import { describe, quote } from "./json_value.ts";
import { tokenizerError, type TokenizerFile } from "./tokenizer_file.ts";

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
 * @throws {UserError} where no padding or no end token is found, and for a damaged post-processor
 */
export function findSpecialTokens(file: TokenizerFile): SpecialTokens {
  const fail = (flaw: string): never => {
    throw tokenizerError(file.source, flaw);
  };
  const byName = (names: readonly string[], role: string) => {
    const found = names.find((name) => file.idOf.has(name));
    if (found !== undefined) return file.idOf.get(found)!;
    const entry = `{"id": ${file.tokens.length}, "content": "${names[0]}", "special": true}`;
    return fail(
      `it has no ${role} token: expected one of ${
        names.join(", ")
      }; to add one, put ${entry} into ` +
        'its "added_tokens", or in Python: tokenizer.add_special_tokens(["' + names[0] + '"])',
    );
  };
  const frame = postProcessorFrame(file.root["post_processor"], fail);
  for (const token of [...frame?.before ?? [], ...frame?.after ?? []]) {
    if (!file.idOf.has(token)) {
      fail(`its post-processor adds ${quote(token)}, which is not in the vocabulary`);
    }
  }
  const [first] = frame ? frame.before : ["[CLS]"];
  return {
    pad: byName(PAD_NAMES, "padding"),
    bos: first === undefined ? null : file.idOf.get(first) ?? null,
    eos: byName(frame?.after.length ? [...frame.after, ...EOS_NAMES] : EOS_NAMES, "end"),
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

type Fail = (flaw: string) => never;

/** What a post-processor puts around a text; undefined where it adds no tokens. */
function postProcessorFrame(entry: unknown, fail: Fail): Frame | undefined {
  if (!isObject(entry)) return undefined;
  switch (entry["type"]) {
    case "TemplateProcessing":
      return templateFrame(entry, fail);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairName(entry["cls"], fail)], after: [pairName(entry["sep"], fail)] };
    case "Sequence":
      return list(entry["processors"])
        .map((part) => postProcessorFrame(part, fail))
        .find((frame) => frame !== undefined);
    case "ByteLevel":
      return undefined;
    default:
      return fail(`its post-processor is of the unknown type ${describe(entry["type"])}`);
  }
}

/** Reads `single: [{SpecialToken: {id}}, {Sequence: {id}}, {SpecialToken: {id}}]`. */
function templateFrame(entry: JsonObject, fail: Fail): Frame {
  const pieces = list(entry["single"]);
  const text = pieces.findIndex((piece) => isObject(piece) && "Sequence" in piece);
  if (text < 0) return fail("the template of its post-processor has no place for the text");
  const name = (piece: unknown): string => {
    const token = isObject(piece) ? piece["SpecialToken"] : undefined;
    const id = isObject(token) ? token["id"] : undefined;
    if (typeof id === "string") return id;
    return fail("the template of its post-processor has a part that is neither token nor text");
  };
  return { before: pieces.slice(0, text).map(name), after: pieces.slice(text + 1).map(name) };
}

/** The name in `[name, id]`. */
function pairName(value: unknown, fail: Fail): string {
  const [name] = list(value);
  if (typeof name === "string") return name;
  return fail(`expected its post-processor to name a token, found ${describe(name)}`);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
