/**
 * What is known of a text before it is written, slot by slot: for models whose slots see both sides. A
 * gap is so many slots wide; how many is not known, so that each width is tried.
 */
import { fillHoles, type Template } from "../text/holes.ts";
import { constraintsOf, type GenerationRequest, type LineOption } from "./constraints.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { GenerationValues } from "./options.ts";
import type { Source } from "./source.ts";
import { decodeTarget, sentenceLength } from "./target.ts";
import { TokenPieces } from "./token_pieces.ts";
import type { TokenRule } from "./token_rules.ts";

/** What is known of N slots. */
export interface Clamp {
  /** [N] token ids, -1 where none is known. */
  readonly known: Int32Array<ArrayBuffer>;
  /** The slots of each gap, the first and the one behind the last; of one at the end N. */
  readonly gaps: readonly (readonly [first: number, end: number])[];
}

/** What is known of a line's text. */
export interface ClampedLine {
  /** One for every width that gaps may have. */
  readonly variants: readonly Clamp[];
  /** What may follow what; undefined: everything. */
  readonly rule: TokenRule | undefined;
  /** Around what the gaps are. */
  readonly template: Template | undefined;
}

/** Rows of a line, at most, for widths of gaps: where there are many gaps, fewer widths are tried. */
const MOST_VARIANTS = 64;

/** Slots come in multiples of this, so that lines of about a length go through the network together. */
const SLOT_STEP = 4;

/** What is known of a line's text, and the source with as many slots as that takes. */
export function clampedLine(
  model: LoadedModel,
  source: Source,
  request: GenerationRequest,
  options: Pick<GenerationValues, LineOption | "noRepeatNgram" | "gapWidth">,
  template: Template | undefined,
): { readonly source: Source; readonly clamped: ClampedLine; readonly cut: boolean } {
  const { text } = model.config;
  const asked = template === undefined ? request : { ...request, prefix: "" };
  const { forced, rule, limit, cut } = constraintsOf(model, asked, options);
  const slotsFor = (count: number) =>
    Math.min(text.target_slots, Math.max(source.slots, SLOT_STEP * Math.ceil(count / SLOT_STEP)));
  if (template === undefined) {
    const slots = slotsFor(forced.length + 1);
    const known = new Int32Array(slots).fill(-1);
    known.set(forced.slice(0, slots));
    if (limit < slots) known[limit] = text.eos_id;
    const clamped = { variants: [{ known, gaps: [] }], rule, template };
    return { source: { ...source, slots }, clamped, cut };
  }
  const texts = textTokens(model, template);
  const isOpen = template.texts.at(-1)!.trim() === "";
  const inner = texts.length - (isOpen ? 2 : 1);
  const width = Math.min(options.gapWidth, widestOf(inner));
  const count = texts.reduce((sum, { length }) => sum + length, 1) + inner * width;
  const slots = slotsFor(count + (isOpen ? width : 0));
  const all = widths(inner, width).map((list) =>
    clampOf(texts, isOpen ? [...list, slots] : list, slots, text.eos_id)
  );
  const fitting = all.filter(({ fits }) => fits).map(({ clamp }) => clamp);
  return {
    source: { ...source, slots },
    clamped: { variants: fitting.length > 0 ? fitting : [all[0]!.clamp], rule, template },
    cut: fitting.length === 0,
  };
}

/** What a row of tokens is as a text. */
export function clampedText(
  model: LoadedModel,
  tokens: Int32Array<ArrayBuffer>,
  { gaps }: Clamp,
  template: Template | undefined,
): string {
  const { tokenizer, config: { text } } = model;
  if (template === undefined) return decodeTarget(tokens, tokenizer, text);
  const fills = gaps.map(([first, end]) => {
    const ids = tokens.subarray(first, end);
    return decodeTarget(ids.subarray(0, sentenceLength(ids, text)), tokenizer, text);
  });
  return fillHoles(template, fills);
}

/** The tokens of what stands around gaps. */
function textTokens({ tokenizer }: LoadedModel, { texts }: Template): number[][] {
  const pieces = TokenPieces.of(tokenizer);
  return texts.map((text, i) => {
    const known = text.trimEnd();
    if (known === "") return [];
    return i === 0 ? tokenizer.encode(known) : pieces.tokensBehind(known);
  });
}

/** How wide so many gaps may be for the rows that a line has. */
function widestOf(gaps: number): number {
  let width = 1;
  while (gaps > 0 && (width + 1) ** gaps <= MOST_VARIANTS) width++;
  return gaps === 0 ? MOST_VARIANTS : width;
}

/** Every choice of `count` widths from 1 to `most`. */
function widths(count: number, most: number): number[][] {
  if (count === 0) return [[]];
  return widths(count - 1, most).flatMap((list) =>
    Array.from({ length: most }, (_, i) => [...list, i + 1])
  );
}

/** What is known where gaps have these widths; whether there is a slot for all of it. */
function clampOf(
  texts: readonly (readonly number[])[],
  widths: readonly number[],
  slots: number,
  endId: number,
): { readonly clamp: Clamp; readonly fits: boolean } {
  const ids: number[] = [];
  const gaps: [number, number][] = [];
  for (const [i, text] of texts.entries()) {
    ids.push(...text);
    const width = widths[i];
    if (width === undefined) {
      ids.push(endId);
      break;
    }
    gaps.push([Math.min(ids.length, slots), Math.min(ids.length + width, slots)]);
    if (ids.length + width >= slots) break;
    ids.push(...Array<number>(width).fill(-1));
  }
  const known = new Int32Array(slots).fill(-1);
  known.set(ids.slice(0, slots));
  return { clamp: { known, gaps }, fits: ids.length <= slots && gaps.length === widths.length };
}
