/** The tokenizer of Tercom (Snover et al., 2006) as sacreBLEU 2.6 has it. */
import { splitWhitespace } from "./python_text.ts";

/** What TER does to a line before it is split at whitespace. */
export interface TercomOptions {
  /** Undo SGML escapes and split punctuation off. Default false. */
  readonly normalized?: boolean;
  /** Remove punctuation. Default false. */
  readonly noPunct?: boolean;
  /** With `normalized`, split CJK characters; with `noPunct`, remove CJK punctuation too. */
  readonly asianSupport?: boolean;
  /** Keep case. Default false. */
  readonly caseSensitive?: boolean;
}

/** CJK and full-width punctuation. */
const ASIAN_PUNCTUATION =
  /[\u3001\u3002\u3008-\u3011\u3014-\u301f\u30fb\uff01\uff02\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff61-\uff65]/g;

/** Radicals, strokes, enclosed and compatibility forms, and ideographs, but not kana. */
const CJK_CHARACTER =
  /[\u2e80-\u2eff\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f]/g;

/** The words that TER edits and shifts. */
export function tercomTokens(line: string, options: TercomOptions = {}): string[] {
  let text = options.caseSensitive ? line : line.toLowerCase();
  if (options.normalized) {
    text = normalizeWestern(text);
    if (options.asianSupport) text = splitAsian(text);
  }
  if (options.noPunct) {
    text = text.replace(/[.,?:;!"()]/g, "");
    if (options.asianSupport) text = text.replace(ASIAN_PUNCTUATION, "");
  }
  return splitWhitespace(text);
}

function normalizeWestern(line: string): string {
  if (line === "") return line;
  const text = line
    .replaceAll("\n-", "").replaceAll("\n", " ")
    .replaceAll("&quot;", '"').replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  return ` ${text} `
    .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
    .replaceAll("'s ", " 's ")
    .replace(/([^0-9])([.,])/g, "$1 $2 ")
    .replace(/([.,])([^0-9])/g, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
}

/**
 * Splits CJK down to characters. sacreBLEU has three more rules for runs of kana, anchored to the
 * start of a line that by then always starts with a space: they never apply, here or there.
 */
function splitAsian(line: string): string {
  return line.replace(CJK_CHARACTER, " $& ").replace(ASIAN_PUNCTUATION, " $& ");
}
