/**
 * Reads the parts of a Hugging Face tokenizer.json that every kind of tokenizer has, and refuses a
 * file whose vocabulary is damaged. The embedding tables of a model have one row for each id, so
 * ids must be whole numbers from 0 without repetition or hole.
 */

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { isObject, type JsonObject } from "../host/json_value.ts";
import { describe, quote } from "./json_value.ts";
import { parseJsonText } from "../json_text.ts";
import { findWrongSetting } from "./tokenizer_settings.ts";

/** A token that is found in text before the model sees it, such as `</s>`. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** The text it is found by. */
  readonly content: string;
  /** Left out of decoded text. */
  readonly special: boolean;
  /** Looked for in normalized text rather than in the text as given. */
  readonly normalized: boolean;
  /** Found only as a word of its own. */
  readonly singleWord: boolean;
  /** Takes the white space on its left or right with it. */
  readonly strips: boolean;
}

/** A tokenizer.json whose vocabulary holds together. */
export interface TokenizerFile {
  /** The file as it was read. */
  readonly json: string;
  /** Path or other name of the file, for messages. */
  readonly source: string;
  /** The whole file as JSON. */
  readonly root: JsonObject;
  /** Its `model` entry. */
  readonly model: JsonObject;
  /** Kind of model: BPE, WordPiece, Unigram or WordLevel. */
  readonly modelType: string;
  /** Token of each id, added tokens included. */
  readonly tokens: readonly string[];
  /** Id of each token. */
  readonly idOf: ReadonlyMap<string, number>;
  /** Tokens that are looked for in text before it is split. */
  readonly added: readonly AddedToken[];
}

/** The error for a tokenizer file that cannot be used: a sentence that names the file and the flaw. */
export function tokenizerError(source: string, flaw: string, cause?: unknown): UserError {
  return new UserError(ExitCode.model, `Cannot load tokenizer "${source}": ${flaw}`, { cause });
}

/**
 * Reads and checks a tokenizer.json.
 *
 * @param source path of the file, for messages
 * @throws {UserError} for JSON that does not parse, a missing or mistyped part, and ids that repeat,
 * disagree or leave holes
 */
export function parseTokenizerFile(json: string, source: string): TokenizerFile {
  const fail = (flaw: string): never => {
    throw tokenizerError(source, flaw);
  };
  const root = parseJson(json, source);
  if (!isObject(root)) return fail(`expected a JSON object, found ${describe(root)}`);
  const { model } = root;
  if (!isObject(model)) return fail(`expected "model" to be an object, found ${describe(model)}`);
  const type = modelType(model, fail);
  const wrongSetting = findWrongSetting(root, model);
  if (wrongSetting !== undefined) return fail(wrongSetting);

  const idOf = new Map<string, number>();
  const tokens: string[] = [];
  const register = (token: string, id: unknown) => {
    if (!isId(id)) {
      return fail(`expected the id of ${quote(token)} to be a whole number, found ${describe(id)}`);
    }
    const known = idOf.get(token) ?? id;
    if (known !== id) return fail(`${quote(token)} has two ids, ${known} and ${id}`);
    const holder = tokens[id] ?? token;
    if (holder !== token) {
      return fail(`id ${id} belongs to both ${quote(holder)} and ${quote(token)}`);
    }
    tokens[id] = token;
    idOf.set(token, id);
  };
  for (const [token, id] of vocabularyEntries(model["vocab"], fail)) register(token, id);
  if (tokens.length === 0) return fail(`expected "model.vocab" to have tokens, found none`);
  const added = addedTokens(root["added_tokens"], fail);
  for (const { content, id } of added) register(content, id);
  if (tokens.length !== idOf.size) {
    const hole = tokens.findIndex((token) => token === undefined);
    return fail(`no token has id ${hole}, though ids go up to ${tokens.length - 1}`);
  }
  return { json, source, root, model, modelType: type, tokens, idOf, added };
}

type Fail = (flaw: string) => never;

/** No vocabulary comes near this; a larger id would only make room for a huge embedding table. */
const LARGEST_ID = 2 ** 24;

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_ID;
}

function parseJson(json: string, source: string): unknown {
  try {
    return parseJsonText(json);
  } catch (error) {
    // The message quotes the file, line breaks included.
    const reason = messageOf(error).replace(/\s+/g, " ");
    throw tokenizerError(source, `it is not valid JSON (${reason})${adviceFor(source)}`, error);
  }
}

/** What to do with a tokenizer of another form, by the name of its file. */
function adviceFor(source: string): string {
  return /(^|\/)vocab\.txt$|\.(model|spm|bpe|vocab)$/.test(source)
    ? "; to make a tokenizer.json of other forms, in Python: " +
      "transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(OTHER)"
    : "";
}

/** The kinds of model that Hugging Face's library has. */
const MODEL_TYPES = ["BPE", "WordPiece", "Unigram", "WordLevel"];

/** Names the kind of model; files from before the name was written are told by their parts. */
function modelType(model: JsonObject, fail: Fail): string {
  const type = model["type"] ?? ("merges" in model ? "BPE" : undefined);
  const known = MODEL_TYPES.find((name) => name === type);
  const expected = `expected "model.type" to be one of ${MODEL_TYPES.join(", ")}`;
  return known ?? fail(`${expected}, found ${describe(type)}`);
}

/** Tokens with their ids: an object of ids, or Unigram's list of [token, score]. */
function vocabularyEntries(vocabulary: unknown, fail: Fail): Iterable<[string, unknown]> {
  if (isObject(vocabulary)) return Object.entries(vocabulary);
  if (!Array.isArray(vocabulary)) {
    return fail(`expected "model.vocab" to give each token an id, found ${describe(vocabulary)}`);
  }
  return vocabulary.map((entry: unknown, id): [string, number] => {
    if (!Array.isArray(entry) || typeof entry[0] !== "string" || !Number.isFinite(entry[1])) {
      return fail(`expected entry ${id} of "model.vocab" to be a token and its score`);
    }
    return [entry[0], id];
  });
}

function addedTokens(entries: unknown, fail: Fail): AddedToken[] {
  if (entries === undefined || entries === null) return [];
  if (!Array.isArray(entries)) {
    return fail(`expected "added_tokens" to be a list, found ${describe(entries)}`);
  }
  return entries.map((entry: unknown, index) => {
    if (!isObject(entry)) {
      return fail(
        `expected entry ${index} of "added_tokens" to be an object, found ${describe(entry)}`,
      );
    }
    const { id, content } = entry;
    if (typeof content !== "string" || content === "") {
      return fail(
        `expected entry ${index} of "added_tokens" to have a text, found ${describe(content)}`,
      );
    }
    if (!isId(id)) {
      return fail(
        `expected the id of ${quote(content)} to be a whole number, found ${describe(id)}`,
      );
    }
    const flag = (name: string, otherwise: boolean): boolean => {
      const value = entry[name] ?? otherwise;
      return typeof value === "boolean" ? value : fail(
        `expected "${name}" of ${quote(content)} to be true or false, found ${describe(value)}`,
      );
    };
    const special = flag("special", false);
    return {
      id,
      content,
      special,
      normalized: flag("normalized", !special),
      singleWord: flag("single_word", false),
      strips: flag("lstrip", false) || flag("rstrip", false),
    };
  });
}
