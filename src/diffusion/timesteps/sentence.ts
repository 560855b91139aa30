/** Sentence-level timesteps: every slot has the same (Diffusion-LM, GENIE, DiffuSeq). */
import { SlotTimesteps, type TimestepScheme } from "./scheme.ts";

class SentenceTimesteps extends SlotTimesteps {
  /** The index is the timestep. */
  override readonly count = this.steps;

  protected override compute(index: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.slots).fill(index);
  }
}

/** The row of the table. */
export const sentence: TimestepScheme = {
  timesteps: ({ steps }, slots) => new SentenceTimesteps(slots, steps),
};
