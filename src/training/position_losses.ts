/**
 * The losses of every position by timestep, of which learned timesteps make a schedule now and then
 * (SeqDiffuSeq, Yuan et al. 2024). Targets have no start token here, so that no position is spared.
 */
import {
  knotsOf,
  type PositionSchedule,
  renewedSchedule,
  timestepsOf,
} from "../diffusion/learned_schedule.ts";

/** Every group begins with one loss, as if seen: from 0 at text to this at noise. */
const PRIOR_MOST = 0.5;
/** The first schedule comes after so many times the updates between two. */
const FIRST = 3;

/** What losses are kept for. */
interface PositionLossesOptions {
  /** Groups of timesteps, at least 2. */
  readonly groups: number;
  /** Target slots N. */
  readonly positions: number;
  /** Updates from a schedule to the next. */
  readonly every: number;
  /** abar of the process, [T]. */
  readonly alphaBar: Float64Array;
}

/** Losses since the last schedule, and that. */
export class PositionLosses {
  readonly #options: PositionLossesOptions;
  /** Sums and numbers of squared errors, [N, G]. */
  readonly #sums: Float32Array;
  readonly #counts: Float32Array;
  /** Knots of the schedule, [N, K] each; 0 where there is none. */
  readonly #at: Float32Array;
  readonly #alphaBar: Float32Array;

  /** @param state {@linkcode PositionLosses.size} values, 0 at the start, in which all is kept */
  constructor(options: PositionLossesOptions, state: Float32Array) {
    this.#options = options;
    const [losses, knots] = sizesOf(options);
    let end = 0;
    const part = (size: number) => state.subarray(end, end += size);
    this.#sums = part(losses);
    this.#counts = part(losses);
    this.#at = part(knots);
    this.#alphaBar = part(knots);
    if (this.#counts[0] === 0) this.#reset();
  }

  /** Values of the state. */
  static size(options: Pick<PositionLossesOptions, "groups" | "positions">): number {
    const [losses, knots] = sizesOf(options);
    return 2 * losses + 2 * knots;
  }

  /** What was learned; null before the first time. */
  get schedule(): readonly PositionSchedule[] | null {
    const { positions, groups } = this.#options;
    if (this.#alphaBar[0] === 0) return null;
    const knots = knotsOf(groups);
    return Array.from({ length: positions }, (_, position) => {
      const [start, end] = [position * knots, (position + 1) * knots];
      return {
        at: Array.from(this.#at.subarray(start, end)),
        alpha_bar: Array.from(this.#alphaBar.subarray(start, end)),
      };
    });
  }

  /** Adds the squared errors of a row's first positions, at a place in [0, 1) from text to noise. */
  add(place: number, squaredErrors: readonly number[]): void {
    const { groups } = this.#options;
    const group = this.#groupOf(place);
    for (const [position, error] of squaredErrors.entries()) {
      this.#sums[position * groups + group]! += error;
      this.#counts[position * groups + group]!++;
    }
  }

  /** Whether an update is one after which a schedule is made. */
  isDue(update: number): boolean {
    const { every } = this.#options;
    return update % every === 0 && update >= FIRST * every;
  }

  /** Makes a schedule, and forgets the losses. */
  renew(): void {
    const { positions, groups, alphaBar } = this.#options;
    const before = this.schedule;
    const knots = knotsOf(groups);
    for (let position = 0; position < positions; position++) {
      const losses = Float64Array.from(
        { length: groups },
        (_, group) =>
          this.#sums[position * groups + group]! / this.#counts[position * groups + group]!,
      );
      const timesteps = before === null
        ? Int32Array.from(alphaBar.keys())
        : timestepsOf(before[position]!, alphaBar);
      const { at, alpha_bar } = renewedSchedule(losses, timesteps, alphaBar);
      this.#at.set(at, position * knots);
      this.#alphaBar.set(alpha_bar, position * knots);
    }
    this.#reset();
  }

  #reset(): void {
    const { groups } = this.#options;
    this.#sums.forEach((_, i) => this.#sums[i] = PRIOR_MOST * (i % groups) / (groups - 1));
    this.#counts.fill(1);
  }

  /** The group of the sentence's timestep. */
  #groupOf(place: number): number {
    const { groups, alphaBar: { length: steps } } = this.#options;
    const timestep = Math.min(Math.floor(place * steps), steps - 1);
    return Math.floor(timestep * groups / steps);
  }
}

/** Losses, and knots, of all positions. */
function sizesOf(
  { groups, positions }: Pick<PositionLossesOptions, "groups" | "positions">,
): [losses: number, knots: number] {
  return [positions * groups, positions * knotsOf(groups)];
}
