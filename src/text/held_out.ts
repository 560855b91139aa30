/**
 * Which examples of a data set are held out for development, where there is no set of its own: a
 * share of the sources, chosen by a hash of their text, so that equal sources fall on one side and
 * the choice depends neither on the order nor on the number of lines.
 */

/** The part of a set that is meant. */
export interface SourcePart {
  /** Share of the sources that is held out, from 0 to 1. */
  readonly share: number;
  /** Whether what is held out is meant, or else the rest. */
  readonly heldOut: boolean;
}

/** Whether a source belongs to a part; all do where there is none. */
export function isInPart(source: string, part: SourcePart | undefined): boolean {
  return part === undefined || uniformOf(source) < part.share === part.heldOut;
}

/** A number from 0 up to 1 that follows from a text: FNV-1a over its UTF-16 units, bits mixed. */
export function uniformOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) / 2 ** 32;
}
