/**
 * Blocks at one timestep (SSD-LM, Han et al. 2023; BD3-LM, Arriola et al. 2025): the slots of a block go
 * from noise to text together, once all blocks left of it have; those right of it are not there yet.
 */
import {
  type DrawOptions,
  refuseShare,
  type RowTimesteps,
  SlotTimesteps,
  startedSlots,
  type TimestepConfig,
  type TimestepScheme,
} from "./scheme.ts";

/** f(n, i) = clamp(i - (B - 1 - b(n)) (T - 1), 0, T - 1) for slot n of block b(n) of B. */
class BlockTimesteps extends SlotTimesteps {
  /** T - 1 indices for each block, and one where all have settled. */
  override readonly count: number;
  /** Slots of a block; the last may have fewer. */
  readonly #length: number;
  readonly #blocks: number;
  readonly #isPartial: boolean;

  constructor({ steps, anchor_distance }: TimestepConfig, slots: number) {
    super(slots, steps);
    this.#length = anchor_distance ?? slots;
    this.#blocks = Math.ceil(slots / this.#length);
    this.#isPartial = anchor_distance !== null;
    this.count = this.#blocks * (steps - 1) + 1;
  }

  protected override compute(index: number): Int32Array<ArrayBuffer> {
    const { slots, steps } = this;
    return Int32Array.from({ length: slots }, (_, slot) => {
      const blocksAfter = this.#blocks - 1 - Math.floor(slot / this.#length);
      return Math.min(Math.max(index - blocksAfter * (steps - 1), 0), steps - 1);
    });
  }

  override present(timesteps: Int32Array, waiting = 0): number {
    return this.#isPartial ? startedSlots(timesteps, this.steps, waiting) : this.slots;
  }

  /** Of the blocks that hold tokens of the target one, and a timestep for it. */
  override draw(
    next: () => number,
    { leftToRightShare, targetLength }: DrawOptions,
  ): RowTimesteps {
    if (leftToRightShare !== null) refuseShare(leftToRightShare);
    const { slots, steps } = this;
    const blocks = Math.max(1, Math.ceil(Math.min(targetLength, slots) / this.#length));
    const place = next() * blocks;
    const block = Math.min(Math.floor(place), blocks - 1);
    const timestep = Math.min(Math.floor((place - block) * steps), steps - 1);
    const index = (this.#blocks - 1 - block) * (steps - 1) + timestep;
    return {
      timesteps: this.at(index),
      present: this.#isPartial ? Math.min((block + 1) * this.#length, slots) : slots,
      settled: block * this.#length,
    };
  }
}

/** The row of the table. */
export const block: TimestepScheme = {
  leavesSlotsOut: ({ anchor_distance }) => anchor_distance !== null,
  timesteps: (config, slots) => new BlockTimesteps(config, slots),
};
