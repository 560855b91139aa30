/** Did you mean: the known name that an unknown one most looks like. */

/** The closest name within a third of its length in edits, if any. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(candidate.length / 3, 1))
    .sort((left, right) => left.distance - right.distance);
  return scored[0]?.candidate;
}

/** Levenshtein distance, in which two neighbours that changed places are one edit, row by row. */
function editDistance(left: string, right: string): number {
  let above: readonly number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] &&
        left[i - 2] === right[j - 1];
      const swap = swapped ? above[j - 2]! + 1 : Infinity;
      next.push(Math.min(substitution, swap, row[j]! + 1, next[j - 1]! + 1));
    }
    above = row;
    row = next;
  }
  return row[right.length]!;
}
