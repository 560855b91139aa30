/** What a line asks of its text besides its source, and what that means token by token. */
import { ExitCode, UserError } from "../errors.ts";
import { HOLE, holeHeads, type Template } from "../text/holes.ts";
import type { FurtherGaps } from "./draft_row.ts";
import { gapEnds, withoutMarks } from "./gap_rules.ts";
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

/** Stands in a list of words for those of the line. */
const SOURCE_WORDS = "{source}";

/** Whether the words wanted are a line's own. */
export function asksForSourceWords({ words = [] }: Pick<GenerationValues, "words">): boolean {
  return words.includes(SOURCE_WORDS);
}

/** A request that names the words of its line where it, or else the options, ask for these. */
export function withSourceWords(
  request: GenerationRequest,
  options: Pick<GenerationValues, "words">,
): GenerationRequest {
  const words = request.words ?? options.words;
  if (words === undefined || !asksForSourceWords({ words })) return request;
  return {
    ...request,
    words: words.map((word) => word === SOURCE_WORDS ? request.source : word),
  };
}

/** What is asked of a text, ready to be kept to. */
export interface Constraints {
  /** What it begins with: ids, without start and end. */
  readonly forced: readonly number[];
  /** The gaps behind the first, where a template is filled. */
  readonly gaps: FurtherGaps | undefined;
  /** Tokens at most, those of the prefix included; the end token counts where there is room. */
  readonly limit: number;
  /** What may follow what; undefined: everything. */
  readonly rule: TokenRule | undefined;
  /** Words that are to stand in it; undefined for none. */
  readonly wanted: WantedWords | undefined;
  /** Whether the prefix was over the limit and cut to that, or gaps were, which stay empty. */
  readonly cut: boolean;
}

/**
 * What is asked of a line's text.
 *
 * @param template whose gaps the text fills (src/text/holes.ts); it is then what goes before the prefix
 */
export function constraintsOf(
  { tokenizer, config: { text } }: LoadedModel,
  request: GenerationRequest,
  options: Pick<GenerationValues, LineOption | "noRepeatNgram">,
  template?: Template,
): Constraints {
  const asked = { ...options, ...request };
  const { words = [], avoid = [], minLength, maxLength, noRepeatNgram } = asked;
  const [firstHead, ...otherHeads] = template === undefined ? [] : holeHeads(template);
  const prefix = firstHead ?? asked.prefix ?? "";
  const special = [text.pad_id, text.bos_id, text.eos_id];
  const ids = prefix.trim() === ""
    ? []
    : tokenizer.encode(prefix.trimEnd()).filter((id) => !special.includes(id));
  const forced = ids.slice(0, text.target_slots);
  const pieces = TokenPieces.of(tokenizer);
  const [mark] = template === undefined ? [] : pieces.tokensOf(HOLE);
  const heads = otherHeads.map((head) => pieces.tokensOf(head));
  // A gap has a token at least, and the last token of all may be an end.
  const room = text.target_slots - forced.length - 1;
  const fitting = heads.filter((_, i) => lengthOf(heads.slice(0, i + 1)) <= room);
  const rules: TokenRule[] = [];
  if (minLength > 0) rules.push(noEndBefore(minLength, text.eos_id));
  if (noRepeatNgram > 0) rules.push(noRepeats(noRepeatNgram));
  const avoided = avoid.length > 0 ? [avoiding(avoid, pieces)] : [];
  rules.push(...avoided);
  const known = template?.texts.join(" ") ?? "";
  const missing = new WantedWords(words).missingIn(known);
  const wanted = missing.length > 0 ? new WantedWords(missing) : undefined;
  if (wanted !== undefined) rules.push(wanting(wanted, text.eos_id, pieces));
  if (template === undefined && forced.length > 0 && /\s$/.test(prefix)) {
    rules.push(wordAt(forced.length, text.eos_id, pieces));
  }
  const gaps = mark === undefined ? undefined : { mark, heads: fitting };
  const allowed = gaps === undefined ? rules : [
    // A phrase goes on over a mark, and a word begins behind one.
    ...avoided,
    ...rules.map((rule) => withoutMarks(rule, gaps.mark)),
    gapEnds({ ...gaps, first: forced, endId: text.eos_id }),
  ];
  const limit = Math.min(text.target_slots, maxLength ?? Infinity);
  const least = gaps === undefined ? forced.length : forced.length + lengthOf(fitting) + 1;
  return {
    forced,
    gaps,
    limit: Math.min(text.target_slots, Math.max(limit, least)),
    rule: allRules(allowed),
    wanted,
    cut: forced.length < ids.length || fitting.length < heads.length,
  };
}

/** How many tokens what is known between gaps needs, with a token for each gap that it ends. */
function lengthOf(heads: readonly (readonly number[])[]): number {
  return heads.reduce((sum, { length }) => sum + length + 1, 0);
}

/**
 * Whether a request asks for what needs every token chosen with those left of it in sight.
 *
 * @throws {UserError} where a model's slots settle together
 */
export function expectConstrainable(
  { config }: LoadedModel,
  asked: Partial<Pick<GenerationValues, ConstraintName | "rounding">>,
): void {
  if (config.network.shifted) return;
  const refuse = (what: string, reason: string): never => {
    throw new UserError(ExitCode.usage, `Cannot use ${what} with this model: ${reason}`);
  };
  for (const name of ["words", "beam"] as const) {
    if (!asks(asked, name)) continue;
    refuse(
      NAMES[name],
      "its slots settle together over many network calls, so that no token is chosen with those left " +
        'of it in sight; take a model with "network.shifted"',
    );
  }
  const rule = RULES.find((name) => asks(asked, name));
  if (asked.rounding !== false || rule === undefined) return;
  refuse(
    `${NAMES[rule]} without rounding`,
    "a token is kept out where predictions are rounded to tokens; leave --no-rounding out",
  );
}

/** Whether options ask for anything of texts. */
export function asksForAnything(asked: Partial<Pick<GenerationValues, ConstraintName>>): boolean {
  return (Object.keys(NAMES) as ConstraintName[]).some((name) => asks(asked, name));
}

function asks(
  asked: Partial<Pick<GenerationValues, ConstraintName>>,
  name: ConstraintName,
): boolean {
  const value = asked[name];
  if (name === "beam") return asked.beam !== undefined && asked.beam > 1;
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

type ConstraintName = LineOption | "noRepeatNgram" | "beam";

/** What may be asked of a text. */
const NAMES: { readonly [Name in ConstraintName]: string } = {
  prefix: "a prefix",
  template: "a template",
  words: "words that are to stand in a text",
  avoid: "words to avoid",
  minLength: "a least length",
  maxLength: "a greatest length",
  noRepeatNgram: "--no-repeat-ngram",
  beam: "--beam",
};

/** What is kept to where predictions are rounded. */
const RULES = ["avoid", "minLength", "noRepeatNgram"] as const;
