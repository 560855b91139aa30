/**
 * Texts with a hole, and what fills it: the form of training pairs (GENIE's continuous paragraph
 * denoising: a span of a text is left out, and is what is to be written) and of what is asked of a model
 * that has learnt from them.
 */

/** What stands in the place of what is missing. */
export const HOLE = "___";

/** What stands between a source and a text with a hole. */
const SEPARATOR = "|||";

const ANY_HOLE = /_{3,}/g;

/** A text around a hole. */
export interface Template {
  readonly left: string;
  readonly right: string;
}

/** The text around the only hole of a text, three low lines or more; undefined for another number. */
export function parseTemplate(text: string): Template | undefined {
  const [left, right, ...others] = text.split(ANY_HOLE);
  return left === undefined || right === undefined || others.length > 0
    ? undefined
    : { left, right };
}

/** What a network is asked: a source, if there is one, and the text around a hole. */
export function holeSource(source: string, { left, right }: Template): string {
  const text = `${left.trimEnd()} ${HOLE} ${right.trimStart()}`.trim();
  return source.trim() === "" ? text : `${source.trim()} ${SEPARATOR} ${text}`;
}

/** A text with its hole filled. */
export function fillHole({ left, right }: Template, text: string): string {
  return `${left}${text}${right}`;
}
