/**
 * Texts with holes, and what fills them: the form of training pairs (GENIE's continuous paragraph
 * denoising: spans of a text are left out, and are what is to be written) and of what is asked of a model
 * that has learnt from them.
 *
 *     source  I am hungry tomorrow. ||| J'ai ___ demain ___ .
 *     target  J'ai ___ faim ___ demain ___ matin
 *
 * The target is the text up to the end of its last hole, with a mark where a hole begins and one where it
 * ends; the last ends with the target. What is known stands in it as a prefix does.
 */

/** What stands in the place of what is missing. */
export const HOLE = "___";

/** What stands between a source and a text with holes. */
const SEPARATOR = "|||";

const ANY_HOLE = /_{3,}/g;

/** A text around holes: what stands before the first, between them and behind the last. */
export interface Template {
  readonly texts: readonly string[];
}

/** The text around the holes of a text, three low lines or more; undefined where there is none. */
export function parseTemplate(text: string): Template | undefined {
  const texts = text.split(ANY_HOLE);
  return texts.length > 1 ? { texts } : undefined;
}

/** Whether two holes of a template have nothing between them that would part what fills them. */
export function hasAdjacentHoles({ texts }: Template): boolean {
  return texts.slice(1, -1).some((text) => text.trim() === "");
}

/** What a network is asked: a source, if there is one, and the text around holes. */
export function holeSource(source: string, { texts }: Template): string {
  const text = texts.map((text) => text.trim()).join(` ${HOLE} `).trim();
  return source.trim() === "" ? text : `${source.trim()} ${SEPARATOR} ${text}`;
}

/** What stands in the target before each hole: the text there, and the marks at its sides. */
export function holeHeads({ texts }: Template): string[] {
  return texts.slice(0, -1).map((text, i) =>
    [...i > 0 ? [HOLE] : [], text.trim(), HOLE].filter(Boolean).join(" ")
  );
}

/** The target of a pair with holes. */
export function holeTarget(template: Template, fills: readonly string[]): string {
  return holeHeads(template).map((head, i) => `${head} ${fills[i]!}`).join(" ");
}

/** A text with its holes filled. */
export function fillHoles({ texts }: Template, fills: readonly string[]): string {
  return texts.map((text, i) => `${text}${fills[i] ?? ""}`).join("");
}
