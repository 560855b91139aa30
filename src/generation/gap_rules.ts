/** What a text with gaps may hold, judged token by token while they are filled. */
import type { FurtherGaps } from "./draft_row.ts";
import type { TokenRule } from "./token_rules.ts";

/** Gaps of a text as tokens. */
interface Gaps extends FurtherGaps {
  /** What is known before the first gap, its mark included. */
  readonly first: readonly number[];
  readonly endId: number;
}

/**
 * A gap has a token or more, and ends as it should: the last with the text, the others with their mark.
 * What ends it is in the place of the other where the model takes that.
 */
export function gapEnds({ mark, heads, first, endId }: Gaps): TokenRule {
  return (tokens) => {
    const marks = tokens.slice(first.length).filter((id) => id === mark).length;
    const isLast = marks >= 2 * heads.length;
    const isEmpty = tokens.length <= first.length || tokens.at(-1) === mark;
    return (id) =>
      id === (isLast ? mark : endId) || isEmpty && (id === mark || id === endId) ? -Infinity : 0;
  };
}

/** A rule of a text as it reads, without the marks of gaps. */
export function withoutMarks(rule: TokenRule, mark: number): TokenRule {
  return (tokens) => {
    const judge = rule(tokens.filter((id) => id !== mark));
    return (id) => id === mark ? 0 : judge(id);
  };
}
