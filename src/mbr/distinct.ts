/**
 * Candidates with duplicates merged. A diffusion model that is sure of itself gives the same text many
 * times, and comparing it once with the weight of all is the same as comparing it many times.
 */

/** The distinct texts among an input's candidates, numbered by first appearance, and their weights. */
export interface DistinctCandidates {
  /** The distinct texts. */
  readonly texts: readonly string[];
  /** The distinct text of each candidate. `[candidates]` */
  readonly groupOf: Int32Array;
  /** The weight of each candidate. `[candidates]` */
  readonly candidateWeights: Float64Array;
  /** The summed weight of each text's candidates. `[texts]` */
  readonly weights: Float64Array;
  /** The mean weight of one of a text's candidates. `[texts]` */
  readonly meanWeights: Float64Array;
  /** The summed weight of all other texts, without cancellation. `[texts]` */
  readonly otherWeights: Float64Array;
}

/**
 * Merges equal candidates.
 *
 * @param candidates at least one text
 * @param weights one per candidate, finite and not negative; 1 each where absent
 */
export function mergeDuplicates(
  candidates: readonly string[],
  weights?: ArrayLike<number>,
): DistinctCandidates {
  if (candidates.length === 0) throw new RangeError("Cannot select from no candidates");
  if (weights !== undefined && weights.length !== candidates.length) {
    throw new RangeError(
      `Cannot weigh ${candidates.length} candidates with ${weights.length} weights`,
    );
  }
  const candidateWeights = new Float64Array(candidates.length).fill(1);
  if (weights !== undefined) candidateWeights.set(weights);

  const numbers = new Map<string, number>();
  const groupOf = Int32Array.from(candidates, (text) => {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, number = numbers.size);
    return number;
  });
  const sums = new Float64Array(numbers.size);
  const counts = new Float64Array(numbers.size);
  for (const [i, group] of groupOf.entries()) {
    sums[group]! += candidateWeights[i]!;
    counts[group]!++;
  }
  return {
    texts: [...numbers.keys()],
    groupOf,
    candidateWeights,
    weights: sums,
    meanWeights: sums.map((sum, group) => sum / counts[group]!),
    otherWeights: sumOfOthers(sums),
  };
}

/** For each place the sum of all other places: what lies before it plus what lies after it. */
function sumOfOthers(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length);
  let before = 0;
  for (let i = 0; i < values.length; i++) {
    sums[i] = before;
    before += values[i]!;
  }
  let after = 0;
  for (let i = values.length - 1; i >= 0; i--) {
    sums[i]! += after;
    after += values[i]!;
  }
  return sums;
}
