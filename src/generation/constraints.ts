/** What a line asks of its text besides its source, and what that means token by token. */
import { ExitCode, UserError } from "../errors.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { GenerationValues } from "./options.ts";
import { TokenPieces } from "./token_pieces.ts";
import {
  allRules,
  avoiding,
  noEndBefore,
  noRepeats,
  type TokenRule,
  wordAt,
} from "./token_rules.ts";
import { WantedWords, wanting } from "./word_rule.ts";

/** Names of options that a line may have for itself. */
export type LineOption = "prefix" | "template" | "words" | "avoid" | "minLength" | "maxLength";

/** A line with what is asked of its text; what is left out is as the options say. */
export interface GenerationRequest extends Partial<Pick<GenerationValues, LineOption>> {
  /** The line. */
  readonly source: string;
}

/** What is asked of a text, ready to be kept to. */
export interface Constraints {
  /** What it begins with: ids, without start and end. */
  readonly forced: readonly number[];
  /** Tokens at most, those of the prefix included; the end token counts where there is room. */
  readonly limit: number;
  /** What may follow what; undefined: everything. */
  readonly rule: TokenRule | undefined;
  /** Words that are to stand in it; undefined for none. */
  readonly wanted: WantedWords | undefined;
  /** Whether the prefix was over the limit, and cut to that. */
  readonly cut: boolean;
}

/** What is asked of a line's text. */
export function constraintsOf(
  { tokenizer, config: { text } }: LoadedModel,
  request: GenerationRequest,
  options: Pick<GenerationValues, LineOption | "noRepeatNgram">,
): Constraints {
  const asked = { ...options, ...request };
  const { prefix = "", words = [], avoid = [], minLength, maxLength, noRepeatNgram } = asked;
  const special = [text.pad_id, text.bos_id, text.eos_id];
  const ids = prefix.trim() === ""
    ? []
    : tokenizer.encode(prefix.trimEnd()).filter((id) => !special.includes(id));
  const forced = ids.slice(0, text.target_slots);
  const rules: TokenRule[] = [];
  if (minLength > 0) rules.push(noEndBefore(minLength, text.eos_id));
  if (noRepeatNgram > 0) rules.push(noRepeats(noRepeatNgram));
  const pieces = TokenPieces.of(tokenizer);
  if (avoid.length > 0) rules.push(avoiding(avoid, pieces));
  const wanted = words.length > 0 ? new WantedWords(words) : undefined;
  if (wanted !== undefined) rules.push(wanting(wanted, text.eos_id, pieces));
  if (forced.length > 0 && /\s$/.test(prefix)) {
    rules.push(wordAt(forced.length, text.eos_id, pieces));
  }
  const limit = Math.min(text.target_slots, maxLength ?? Infinity);
  return {
    forced,
    limit: Math.max(limit, forced.length),
    rule: allRules(rules),
    wanted,
    cut: forced.length < ids.length,
  };
}

/**
 * Whether a request asks for what needs every token chosen with those left of it in sight.
 *
 * @throws {UserError} where a model's slots settle together
 */
export function expectConstrainable(
  { config }: LoadedModel,
  asked: Partial<Pick<GenerationValues, LineOption | "noRepeatNgram" | "beam">>,
): void {
  if (config.network.shifted) return;
  const name = (Object.keys(NAMES) as (keyof typeof NAMES)[]).find((name) => {
    const value = asked[name];
    if (name === "beam") return asked.beam !== undefined && asked.beam > 1;
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
  if (name === undefined) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot use ${
      NAMES[name]
    } with this model: its slots settle together over many network calls, ` +
      'so that no token is chosen with those left of it in sight; take a model with "network.shifted"',
  );
}

/** What models whose slots settle together cannot do. */
const NAMES = {
  prefix: "a prefix",
  template: "a template",
  words: "words that are to stand in a text",
  avoid: "words to avoid",
  minLength: "a least length",
  maxLength: "a greatest length",
  noRepeatNgram: "--no-repeat-ngram",
  beam: "--beam",
} as const;
