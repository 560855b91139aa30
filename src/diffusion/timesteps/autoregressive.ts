/**
 * The autoregressive limit: a slot goes from T - 1 to 0 in one move, once all slots left of it have. No
 * model is trained with it.
 */
import { SlotTimesteps, type TimestepScheme } from "./scheme.ts";

class AutoregressiveTimesteps extends SlotTimesteps {
  /** The index is how many slots have not settled. */
  override readonly count = this.slots + 1;

  protected override compute(index: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.slots).fill(this.steps - 1, this.slots - index);
  }
}

/** The row of the table. */
export const autoregressive: TimestepScheme = {
  timesteps: ({ steps }, slots) => new AutoregressiveTimesteps(slots, steps),
};
