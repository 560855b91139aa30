/**
 * The loss-second-moment sampler of timesteps (improved DDPM, Nichol and Dhariwal 2021; GENIE, Lin et
 * al. 2023): timesteps are drawn in proportion to the root of the mean squared loss last seen there, and
 * their losses are weighted so that the expected gradient is that of uniform draws.
 *
 * What is drawn is a place in [0, 1) on the way from text to noise, of which all groups of timesteps have
 * equal parts.
 */

/** Losses of a group that are remembered; until every group has as many, draws are uniform. */
const HISTORY = 10;
/** Share of draws that are uniform all the same. */
const UNIFORM_SHARE = 0.001;
/** A place keeps so far from its group's edges, in groups, that rounding leaves it there. */
const MARGIN = 1e-9;

/** Draws by losses. */
export class LossSecondMoment {
  /** Losses of each group, the latest last, [G, HISTORY], and how many there are, [G]. */
  readonly #history: Float32Array;
  readonly #counts: Float32Array;
  /** Of the losses as they are now. */
  #shares: Shares | undefined;

  /** @param state {@linkcode LossSecondMoment.size} values, 0 at the start, in which losses are kept */
  constructor(readonly groups: number, state: Float32Array) {
    this.#history = state.subarray(0, groups * HISTORY);
    this.#counts = state.subarray(groups * HISTORY, LossSecondMoment.size(groups));
  }

  /** Values of the state of so many groups. */
  static size(groups: number): number {
    return groups * (HISTORY + 1);
  }

  /** The chance of each group, [G]. */
  get probabilities(): Float64Array {
    return this.#current.probabilities;
  }

  /** Where a uniform number in [0, 1) leads. */
  placeOf(uniform: number): number {
    const { isUniform, below, probabilities } = this.#current;
    if (isUniform) return uniform;
    let group = 0;
    while (group < this.groups - 1 && below[group + 1]! <= uniform) group++;
    const within = (uniform - below[group]!) / probabilities[group]!;
    return (group + Math.min(Math.max(within, MARGIN), 1 - MARGIN)) / this.groups;
  }

  /** The weight of the loss at a place: what uniform draws would give it, over what these do. */
  weightAt(place: number): number {
    const { isUniform, probabilities } = this.#current;
    return isUniform ? 1 : 1 / (this.groups * probabilities[this.#groupOf(place)]!);
  }

  /** Remembers a loss, without its weight. */
  add(place: number, loss: number): void {
    const group = this.#groupOf(place);
    const losses = this.#history.subarray(group * HISTORY, (group + 1) * HISTORY);
    const count = this.#counts[group]!;
    if (count === HISTORY) losses.copyWithin(0, 1);
    else this.#counts[group] = count + 1;
    losses[Math.min(count, HISTORY - 1)] = loss;
    this.#shares = undefined;
  }

  #groupOf(place: number): number {
    return Math.min(Math.floor(place * this.groups), this.groups - 1);
  }

  get #current(): Shares {
    return this.#shares ??= this.#computeShares();
  }

  #computeShares(): Shares {
    const { groups } = this;
    const isUniform = this.#counts.some((count) => count < HISTORY);
    const roots = Float64Array.from({ length: groups }, (_, group) => {
      if (isUniform) return 1;
      const losses = this.#history.subarray(group * HISTORY, (group + 1) * HISTORY);
      return Math.sqrt(losses.reduce((sum, loss) => sum + loss * loss, 0) / HISTORY);
    });
    const sum = roots.reduce((total, root) => total + root, 0);
    const probabilities = roots.map((root) =>
      // Losses that are all 0 say nothing.
      (1 - UNIFORM_SHARE) * (sum > 0 ? root / sum : 1 / groups) + UNIFORM_SHARE / groups
    );
    const below = new Float64Array(groups);
    for (let group = 1; group < groups; group++) {
      below[group] = below[group - 1]! + probabilities[group - 1]!;
    }
    return { isUniform, probabilities, below };
  }
}

/** The chances of groups, and the sum of those before each. */
interface Shares {
  readonly isUniform: boolean;
  readonly probabilities: Float64Array;
  readonly below: Float64Array;
}
