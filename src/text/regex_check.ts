/**
 * Regular expressions of tokenizer files run in JavaScript's engine, which tries alternatives one
 * after another: `(a+)+b` takes longer than anyone waits for on thirty letters a, and no signal ends
 * it. Patterns that can do so are refused; those of known tokenizers cannot.
 */

/** Of one alternative, more unbounded repeats after another than this take too long on long lines. */
const MOST_REPEATS = 3;

/** Longer bounded repeats count as unbounded. */
const LARGEST_BOUND = 32;

/** What is known of the part of a pattern between two brackets. */
interface Group {
  /** Unbounded repeats in the alternative at hand. */
  repeats: number;
  /** Whether the group has a repeat of unbounded or variable length, or alternatives. */
  varies: boolean;
}

/** Why a pattern may take for ever; undefined where it cannot. */
export function slowPattern(pattern: string): string | undefined {
  const groups: Group[] = [{ repeats: 0, varies: false }];
  /** The group that was just closed. */
  let closed: Group | undefined;
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at, at + 64);
    const group = groups.at(-1)!;
    const quantifier = /^(?:[*+?]|\{(\d*),?(\d*)\})[?+]?/.exec(rest);
    if (quantifier !== null && at > 0) {
      const [text, least = "", most = ""] = quantifier;
      const bound = Number(most || (text.includes(",") ? Infinity : least));
      const unbounded = text[0] === "*" || text[0] === "+" ||
        (text[0] === "{" && bound > LARGEST_BOUND);
      if (unbounded) {
        if (closed?.varies) return `repeats a group that varies, before "${rest.slice(0, 20)}"`;
        group.repeats++;
        if (group.repeats > MOST_REPEATS) {
          return `has more than ${MOST_REPEATS} unbounded repeats in a row`;
        }
      }
      group.varies ||= text[0] !== "{" || text.includes(",");
      at += text.length;
      closed = undefined;
      continue;
    }
    closed = undefined;
    const character = pattern[at]!;
    if (character === "\\") {
      if (/^\\[1-9]|^\\k/.test(rest)) return "refers back to a group";
      at += 2;
    } else if (character === "[") {
      at = endOfClass(pattern, at);
    } else if (character === "(") {
      groups.push({ repeats: 0, varies: false });
      at += /^\((?:\?(?:[:=!]|<[=!]|[a-z-]*:|<\w+>))?/.exec(rest)![0].length;
    } else if (character === ")") {
      if (groups.length > 1) {
        closed = groups.pop()!;
        const outer = groups.at(-1)!;
        outer.varies ||= closed.varies;
        outer.repeats += closed.repeats;
      }
      at++;
    } else if (character === "|") {
      // Alternatives at the top are tried at one place, one after another.
      if (groups.length > 1) group.varies = true;
      group.repeats = 0;
      at++;
    } else {
      at++;
    }
  }
  return undefined;
}

function endOfClass(pattern: string, start: number): number {
  let depth = 0;
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "[") depth++;
    else if (pattern[at] === "]" && --depth === 0) return at + 1;
  }
  // A bracket inside a class need not be closed: read it the plain way.
  const end = /^\[\^?\]?(?:\\.|[^\]\\])*\]/s.exec(pattern.slice(start));
  return end === null ? pattern.length : start + end[0].length;
}
