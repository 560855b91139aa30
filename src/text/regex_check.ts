/**
 * Regular expressions of tokenizer files run in JavaScript's engine, which tries alternatives one
 * after another: `(a+)+b` takes longer than anyone waits for on thirty letters a, and no signal ends
 * it. Patterns that can do so are refused; those of known tokenizers cannot.
 */

/** After so many unbounded repeats in a row nothing may follow that can fail: it would undo them all. */
const MOST_REPEATS = 2;

/** Longer bounded repeats count as unbounded. */
const LARGEST_BOUND = 32;

/** What is known of the part of a pattern between two brackets. */
interface Group {
  /** Unbounded repeats in the alternative at hand, those before the group that it can undo included. */
  repeats: number;
  /** Those before the group. */
  readonly before: number;
  /** The most of any alternative. */
  most: number;
  /** Whether the group has a repeat of unbounded or variable length, or alternatives. */
  varies: boolean;
  /** Whether it looks ahead or behind: then it can fail by what it finds, too. */
  readonly looks: boolean;
}

/** How often something is repeated. */
interface Quantifier {
  readonly length: number;
  readonly optional: boolean;
  /** Whether more than once. */
  readonly repeats: boolean;
  readonly unbounded: boolean;
  readonly varies: boolean;
}

const OPENING = /^\((?:\?(?:[:=!]|<[=!]|[a-z-]*:|<\w+>))?/;

const ONCE: Quantifier = {
  length: 0,
  optional: false,
  repeats: false,
  unbounded: false,
  varies: false,
};

/** Why a pattern may take for ever; undefined where it cannot. */
export function slowPattern(pattern: string): string | undefined {
  const groups: Group[] = [newGroup(0, false)];
  for (let at = 0; at < pattern.length;) {
    const group = groups.at(-1)!;
    const start = at;
    let closed: Group | undefined;
    const character = pattern[at]!;
    if (character === "(") {
      const end = endOfGroup(pattern, at);
      // What is optional cannot fail, so nothing before it is undone for it.
      const isOptional = quantifierAt(pattern, end).optional;
      const [opening] = OPENING.exec(pattern.slice(at, at + 64))!;
      groups.push(newGroup(isOptional ? 0 : group.repeats, /[=!]$/.test(opening)));
      at += opening.length;
      continue;
    }
    if (character === "|") {
      // Alternatives at the top are tried at one place, one after another.
      if (groups.length > 1) group.varies = true;
      group.most = Math.max(group.most, group.repeats);
      group.repeats = group.before;
      at++;
      continue;
    }
    if (character === "\\") {
      if (/^\\[1-9]|^\\k/.test(pattern.slice(at, at + 2))) return "refers back to a group";
      at += /^\\[pPu]\{/.test(pattern.slice(at)) ? pattern.indexOf("}", at) + 1 - at || 2 : 2;
    } else if (character === "[") {
      at = endOfClass(pattern, at);
    } else if (character === ")" && groups.length > 1) {
      closed = groups.pop()!;
      at++;
    } else {
      at++;
    }
    const quantifier = quantifierAt(pattern, at);
    const outer = groups.at(-1)!;
    const place = pattern.slice(start, start + 20);
    if (closed !== undefined) {
      if (quantifier.repeats && closed.varies) return `repeats a group that varies, "${place}"`;
      const most = Math.max(closed.most, closed.repeats);
      if (closed.looks && most >= MOST_REPEATS) {
        return `has ${most} unbounded repeats in a row for what it looks at, "${place}"`;
      }
      outer.varies ||= closed.varies;
      outer.repeats += most - closed.before;
    } else if (!quantifier.optional && outer.repeats >= MOST_REPEATS) {
      return `has ${outer.repeats} unbounded repeats in a row before "${place}"`;
    }
    if (quantifier.unbounded) outer.repeats++;
    outer.varies ||= quantifier.varies;
    at += quantifier.length;
  }
  return undefined;
}

function newGroup(before: number, looks: boolean): Group {
  return { repeats: before, before, most: before, varies: false, looks };
}

function quantifierAt(pattern: string, at: number): Quantifier {
  const found = /^(?:[*+?]|\{(\d*)(,?)(\d*)\})[?+]?/.exec(pattern.slice(at, at + 64));
  if (found === null) return ONCE;
  const [text, least = "", comma = "", most = ""] = found;
  const bound = Number(most || (comma === "" ? least : Infinity));
  const isBraces = text[0] === "{";
  return {
    length: text.length,
    optional: isBraces ? Number(least) === 0 : text[0] !== "+",
    repeats: isBraces ? bound > 1 : text[0] !== "?",
    unbounded: isBraces ? bound > LARGEST_BOUND : text[0] !== "?",
    varies: !isBraces || comma !== "",
  };
}

/** The place behind the bracket that closes the one at `start`. */
function endOfGroup(pattern: string, start: number): number {
  let depth = 0;
  for (let at = start; at < pattern.length;) {
    const character = pattern[at]!;
    if (character === "[") {
      at = endOfClass(pattern, at);
      continue;
    }
    if (character === "(") depth++;
    if (character === ")" && --depth === 0) return at + 1;
    at += character === "\\" ? 2 : 1;
  }
  return pattern.length;
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
