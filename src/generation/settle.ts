/**
 * Where sentences end for good. Left slots settle first, so the end token's slot is known while slots
 * to its right, which no reader will see, are still being computed: from then on they can be left out.
 */
import type { TextConfig } from "../denoiser/config.ts";
import { AUTO_SHARE } from "./choices.ts";
import type { GenerationValues } from "./options.ts";

/** The share of T - 1 to go by, undefined for never. */
export function dropShare(
  choice: GenerationValues["dropSettled"],
  { length }: TextConfig,
): number | undefined {
  if (choice === "auto") return length === "batch" ? AUTO_SHARE : undefined;
  return choice === "off" ? undefined : choice;
}

/** What the end of a sentence is told by. */
interface EndRule {
  readonly endId: number;
  /** A settled end token's timestep is at most this. */
  readonly maxTimestep: number;
}

/** Follows the predictions of a batch and tells which slots are still needed. Rows are independent. */
export class EndTracker {
  readonly #rule: EndRule;
  readonly #slots: number;
  /** What each slot was last predicted to be while it was not at rest, [R, N]. */
  readonly #tokens: Int32Array<ArrayBuffer>;
  /** The first end token of each row in the last evaluation, N where there was none. */
  readonly #ends: Int32Array<ArrayBuffer>;
  /** Slots that are still needed, [R]. */
  readonly active: Int32Array<ArrayBuffer>;

  constructor(rows: number, slots: number, rule: EndRule) {
    this.#rule = rule;
    this.#slots = slots;
    this.#tokens = new Int32Array(rows * slots).fill(-1);
    this.#ends = new Int32Array(rows).fill(slots);
    this.active = new Int32Array(rows).fill(slots);
  }

  /**
   * Takes in an evaluation; whether fewer slots are {@linkcode active} than before.
   *
   * @param predicted [R, N] token ids
   * @param timesteps [N] the timesteps of the evaluation
   * @param atRest [N] 1 where a slot stays as it is, so that its prediction does not count
   */
  observe(predicted: Int32Array, timesteps: Int32Array, atRest: Uint8Array): boolean {
    let fewer = false;
    for (let row = 0; row < this.active.length; row++) {
      const end = this.#findEnd(predicted, atRest, row);
      const settled = end < this.active[row]! && end === this.#ends[row] &&
        timesteps[end]! <= this.#rule.maxTimestep;
      this.#ends[row] = end;
      if (!settled || end + 1 === this.active[row]) continue;
      this.active[row] = end + 1;
      fewer = true;
    }
    return fewer;
  }

  /** The first slot of a row that is predicted to be the end token, N where there is none. */
  #findEnd(predicted: Int32Array, atRest: Uint8Array, row: number): number {
    let end = this.#slots;
    for (let slot = this.active[row]! - 1; slot >= 0; slot--) {
      const at = row * this.#slots + slot;
      if (atRest[slot] === 0) this.#tokens[at] = predicted[at]!;
      if (this.#tokens[at] === this.#rule.endId) end = slot;
    }
    return end;
  }
}
