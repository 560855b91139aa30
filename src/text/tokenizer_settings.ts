/**
 * Checks the types of settings in a tokenizer.json. The settings of Hugging Face's components have
 * the same meaning wherever they occur, so one table of names serves all of them. Neither our own
 * encoder nor Hugging Face's JavaScript library would notice a wrong type: they would give wrong
 * tokens.
 */

import { isObject, type JsonObject } from "../host/json_value.ts";
import { describe } from "./json_value.ts";
import { slowPattern } from "./regex_check.ts";

type Kind = "boolean" | "string" | "number" | "list" | "object";

const NAMES: readonly (readonly [Kind, string])[] = [
  [
    "boolean",
    "add_prefix_space byte_fallback clean_text cleanup fuse_unk handle_chinese_chars " +
    "ignore_merges individual_digits invert lowercase split strip_accents strip_left strip_right " +
    "trim_offsets use_regex",
  ],
  [
    "string",
    "behavior content continuing_subword_prefix end_of_word_suffix id pad_token prefix " +
    "prepend_scheme replacement suffix type unk_token word_delimiter_token",
  ],
  ["number", "dropout max_input_chars_per_word start stop type_id unk_id"],
  [
    "list",
    "cls decoders ids normalizers pair pretokenizers processors sep single tokens",
  ],
  ["object", "Sequence SpecialToken pattern special_tokens"],
];

const KIND_OF: ReadonlyMap<string, Kind> = new Map(
  NAMES.flatMap(([kind, names]) => names.split(" ").map((name) => [name, kind] as const)),
);

/** Settings that may be null, for "not set". */
const NULLABLE: ReadonlySet<string> = new Set([
  "continuing_subword_prefix",
  "dropout",
  "end_of_word_suffix",
  "strip_accents",
  "unk_id",
  "unk_token",
]);

const COMPONENTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];

/** Parts of a sequence of components. */
const SEQUENCE_KEYS = ["normalizers", "pretokenizers", "processors", "decoders"];

/**
 * Looks through the components of a tokenizer.json and the settings of its model.
 *
 * @returns the first flaw, as part of a sentence; undefined where there is none
 */
export function findWrongSetting(root: JsonObject, model: JsonObject): string | undefined {
  for (const name of COMPONENTS) {
    const component = root[name] ?? null;
    if (component === null) continue;
    const flaw = isObject(component)
      ? wrongComponent(component, name)
      : `expected "${name}" to be an object, found ${describe(component)}`;
    if (flaw !== undefined) return flaw;
  }
  const { vocab: _vocabulary, merges: _merges, ...settings } = model;
  return wrongInside(settings, "model");
}

function wrongComponent(component: JsonObject, path: string): string | undefined {
  const { type } = component;
  if (typeof type !== "string") {
    return `expected "${path}.type" to name a kind of component, found ${describe(type)}`;
  }
  if (type === "Sequence") {
    const parts = SEQUENCE_KEYS.map((key) => component[key]).find(Array.isArray);
    if (parts === undefined) return `expected "${path}" to list the parts of its sequence`;
    for (const [index, part] of parts.entries()) {
      const place = `${path}[${index}]`;
      if (!isObject(part)) return `expected "${place}" to be an object, found ${describe(part)}`;
      const flaw = wrongComponent(part, place);
      if (flaw !== undefined) return flaw;
    }
  }
  return wrongInside(component, path);
}

function wrongInside(value: unknown, path: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, setting] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
    const kind = KIND_OF.get(name);
    if (kind !== undefined && !isOfKind(setting, kind, NULLABLE.has(name))) {
      return `expected "${place}" to be ${ARTICLES[kind]}, found ${describe(setting)}`;
    }
    const slow = name === "Regex" && typeof setting === "string" ? slowPattern(setting) : undefined;
    if (slow !== undefined) {
      return `the regular expression "${place}" ${slow}, which could take for ever on some line`;
    }
    const flaw = wrongInside(setting, place);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

const ARTICLES: Readonly<Record<Kind, string>> = {
  boolean: "true or false",
  string: "a string",
  number: "a number",
  list: "a list",
  object: "an object",
};

function isOfKind(value: unknown, kind: Kind, nullable: boolean): boolean {
  if (value === null) return nullable;
  if (kind === "list") return Array.isArray(value);
  if (kind === "object") return isObject(value);
  const type: string = typeof value;
  return type === kind;
}
