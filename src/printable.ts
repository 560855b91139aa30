/**
 * Text of files and command lines inside messages. A terminal obeys control characters: a name with
 * escape sequences could clear the screen or forge a message, and a token can be as long as a file.
 */

/** C0, DEL, C1, line separators, marks that change the direction of text, lone surrogates. */
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

/** Messages are longer than this only where they echo something that is no message. */
const LONGEST = 2000;

/** Of a text that is cut, this much is kept of its end: messages end with the way out. */
const END = 500;

/**
 * A text with its control characters written as JSON writes them, and cut in the middle where it is
 * long.
 *
 * @param longest UTF-16 units that are kept
 */
export function printable(text: string, longest: number = LONGEST): string {
  return escapeControls(cutInTheMiddle(text, longest));
}

/** The same for JSON, or any text of several lines: line feeds stay, and nothing is cut. */
export function printableLines(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

function escapeControls(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  switch (character) {
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
  }
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cutInTheMiddle(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const end = Math.min(END, Math.floor(longest / 2));
  const cut = text.length - longest;
  return `${text.slice(0, longest - end)} [... ${cut} characters ...] ${text.slice(-end)}`;
}
