/**
 * JSON that others wrote. A text of nothing but opening brackets is JSON too: code that walks through
 * such a value, `JSON.stringify` included, runs out of stack.
 */

/** Deeper than any configuration, tokenizer or record. */
const DEEPEST = 200;

/**
 * Parses JSON.
 *
 * @throws {SyntaxError} for what is not JSON, or is nested too deeply
 */
export function parseJsonText(json: string): unknown {
  if (isTooDeep(json)) throw new SyntaxError(`it is nested more than ${DEEPEST} deep`);
  return JSON.parse(json);
}

function isTooDeep(json: string): boolean {
  // Most files cannot be: counting brackets is for those that have many.
  if (json.length <= DEEPEST) return false;
  let depth = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/gs)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > DEEPEST) return true;
  }
  return false;
}
