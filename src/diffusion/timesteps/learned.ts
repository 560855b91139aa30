/**
 * Timesteps that are learned for every position (SeqDiffuSeq, Yuan et al. 2024): f(n, t) = g_n(t), where
 * g_n makes the loss of position n grow evenly with t. Until something is learned, g_n(t) = t.
 */
import { timestepsOf } from "../learned_schedule.ts";
import { noiseSchedule } from "../noise_schedule.ts";
import { SlotTimesteps, type TimestepConfig, type TimestepScheme } from "./scheme.ts";

class LearnedTimesteps extends SlotTimesteps {
  /** The index is the sentence's timestep. */
  override readonly count = this.steps;
  readonly #positions: Positions;

  constructor(config: TimestepConfig, slots: number) {
    super(slots, config.steps);
    this.#positions = positionsOf(config);
  }

  protected override compute(index: number): Int32Array<ArrayBuffer> {
    const positions = this.#positions;
    // Positions beyond those that were learned go with the last.
    return Int32Array.from(
      { length: this.slots },
      (_, slot) => positions[Math.min(slot, positions.length - 1)]?.[index] ?? index,
    );
  }
}

/** Timesteps of each position by the sentence's, [N][T]; none where nothing is learned. */
type Positions = readonly Int32Array[];

const known = new WeakMap<TimestepConfig, Positions>();

/** Computed once for a configuration. */
function positionsOf(config: TimestepConfig): Positions {
  const found = known.get(config);
  if (found !== undefined) return found;
  const { learned_schedule, noise_schedule, steps } = config;
  const { alphaBar } = noiseSchedule(noise_schedule, steps);
  const positions = (learned_schedule ?? []).map((position) => timestepsOf(position, alphaBar));
  known.set(config, positions);
  return positions;
}

/** The row of the table. */
export const learned: TimestepScheme = {
  timesteps: (config, slots) => new LearnedTimesteps(config, slots),
};
