/** Strings that are to outlive the text they were cut from. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A copy of `text` that shares no memory with any other string. A piece cut from a string keeps the
 * whole of it alive in V8: a table of words cut from lines would hold the lines.
 * Lone surrogates become U+FFFD.
 */
export function detached(text: string): string {
  return decoder.decode(encoder.encode(text));
}
