/** What the pages that list options say of one. */
import type { Argument, Option } from "@commander-js/extra-typings";

/** The parts of an option's description. */
export interface OptionText {
  readonly meaning: string;
  /** The values that it takes, where they are few. */
  readonly choices: readonly string[];
  /** Its default: in words, or literally as it would be typed. */
  readonly standard: { readonly text: string; readonly isLiteral: boolean };
}

/** What a description says of an option without a value of its own. */
const DEFAULT_IN_WORDS = / \(default: ([^)]+)\)/;

/** Describes an option or an argument. */
export function optionText(place: Option | Argument): OptionText {
  return {
    meaning: place.description.replace(DEFAULT_IN_WORDS, ""),
    choices: place.argChoices ?? [],
    standard: "flags" in place ? standardOf(place) : inWords(place.required ? "required" : "none"),
  };
}

function standardOf(option: Option): OptionText["standard"] {
  if (option.mandatory) return inWords("required");
  if (option.negate) return inWords("off");
  const words = DEFAULT_IN_WORDS.exec(option.description)?.[1];
  if (words !== undefined) return inWords(words);
  const { defaultValue: value } = option;
  if (value === undefined) return inWords("none");
  if (typeof value === "boolean") return inWords(value ? "on" : "off");
  return { text: Array.isArray(value) ? value.join(",") : String(value), isLiteral: true };
}

function inWords(text: string): OptionText["standard"] {
  return { text, isLiteral: false };
}
