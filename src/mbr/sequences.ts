/** The candidates of one input as sequences of integers, laid end to end in one array. */
export interface Sequences {
  /** The number of candidates. */
  readonly size: number;
  /** Symbols of all candidates: 0, 1, 2, ... by first appearance. `[total length]` */
  readonly symbols: Int32Array;
  /** Candidate c is `symbols[starts[c] .. starts[c + 1])`. `[size + 1]` */
  readonly starts: Int32Array;
  /** The number of distinct symbols. */
  readonly vocabulary: number;
}

/** Interns the tokens of every candidate, so that no utility touches a string again. */
export function internTokens(candidates: readonly (readonly string[])[]): Sequences {
  const starts = new Int32Array(candidates.length + 1);
  for (const [c, tokens] of candidates.entries()) starts[c + 1] = starts[c]! + tokens.length;

  const symbols = new Int32Array(starts[candidates.length]!);
  const ids = new Map<string, number>();
  let position = 0;
  for (const tokens of candidates) {
    for (const token of tokens) {
      let id = ids.get(token);
      if (id === undefined) ids.set(token, id = ids.size);
      symbols[position++] = id;
    }
  }
  return { size: candidates.length, symbols, starts, vocabulary: ids.size };
}

/** The number of symbols of candidate `c`. */
export function lengthOf(sequences: Sequences, c: number): number {
  return sequences.starts[c + 1]! - sequences.starts[c]!;
}
