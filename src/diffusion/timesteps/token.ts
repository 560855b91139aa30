/**
 * Two-level timesteps (SPEC 2, paper section 3.1): slots lie on a line through a moving start point and
 * an anchor, so that left slots are always ahead of (less noisy than) right ones. The paper's anchor is
 * fixed; it may move with the start point instead.
 */
import { ExitCode, UserError } from "../../errors.ts";
import {
  type DrawOptions,
  refuseShare,
  type RowTimesteps,
  SlotTimesteps,
  startedSlots,
  type TimestepConfig,
  type TimestepScheme,
} from "./scheme.ts";

/**
 * f(n, i) = clamp(round((t_e - t_s) / (n_e - n_s) (n - n_s) + t_s), 0, T - 1) with the start point
 * (n_s, t_s) = (max(N-1-i, 0), max(i-(N-1), 0)) and the anchor (n_e, t_e) = (floor(scale N), T-1), or
 * (n_s + distance, T-1) where the anchor moves.
 */
export class TokenTimesteps extends SlotTimesteps {
  /** N indices at which the start point moves over the slots, T at which it moves up. */
  override readonly count = this.slots + this.steps;
  readonly #anchorSlot: (startSlot: number) => number;
  /** Whether slots that have not started are left out: they tell nothing where the anchor moves. */
  readonly #moving: boolean;

  /** @throws {UserError} where the anchor would not lie right of the last slot, or of the start */
  constructor(config: TimestepConfig, slots: number) {
    super(slots, config.steps);
    this.#moving = config.anchor_distance !== null;
    this.#anchorSlot = anchor(config, slots);
  }

  /**
   * Every operation is rounded to float32 and done in the reference implementation's order: the
   * line's value is often a tie (x.5), and which way it falls depends on those roundings.
   */
  protected override compute(index: number): Int32Array<ArrayBuffer> {
    const { slots, steps } = this;
    const startSlot = Math.max(slots - 1 - index, 0);
    const startTimestep = Math.max(index - (slots - 1), 0);
    const anchorSlot = this.#anchorSlot(startSlot);
    const anchorTimestep = steps - 1;
    const { fround } = Math;
    return Int32Array.from({ length: slots }, (_, slot) => {
      if (slot >= anchorSlot) return anchorTimestep; // has not started
      const fraction = fround((slot - anchorSlot) / (startSlot - anchorSlot));
      const offset = fround(fraction * (startTimestep - anchorTimestep));
      const timestep = roundHalfToEven(fround(offset + anchorTimestep));
      return Math.min(Math.max(timestep, 0), steps - 1);
    });
  }

  override present(timesteps: Int32Array, waiting = 0): number {
    return this.#moving ? startedSlots(timesteps, this.steps, waiting) : this.slots;
  }

  override draw(next: () => number, options: DrawOptions): RowTimesteps {
    const timesteps = this.at(this.drawIndex(next(), options));
    // Where slots are left out, those that settled are there to be looked at and nothing else.
    const first = timesteps.findIndex((timestep) => timestep > 0);
    const settled = !this.#moving || first < 0 ? 0 : first;
    const present = Math.max(this.present(timesteps, options.waiting), settled + 1);
    return { timesteps, present, settled };
  }

  /**
   * The sentence-level index to train on, from a uniform random number in [0, 1). The paper's uniform
   * draw visits the left-to-right phase, i < N - 1, in which slots start one after another, (N-1)/(N+T)
   * of the time only; a share of draws from it leaves at least one token of the target to settle: none
   * is spent on padding alone.
   *
   * @throws {UserError} where a single slot has no such phase
   */
  drawIndex(
    uniform: number,
    { leftToRightShare, targetLength }: Pick<DrawOptions, "leftToRightShare" | "targetLength">,
  ): number {
    const { count, slots } = this;
    if (leftToRightShare === null) return Math.floor(uniform * count);
    if (slots < 2) refuseShare(leftToRightShare);
    if (!(leftToRightShare >= 0 && leftToRightShare <= 1)) {
      throw new UserError(
        ExitCode.usage,
        `Cannot draw a share of ${leftToRightShare} from the left-to-right phase: ` +
          "expected a number from 0 to 1",
      );
    }
    const phase = slots - 1;
    // At index i the slots up to N - 1 - i are settled.
    const first = Math.min(slots - targetLength + 1, phase - 1);
    return uniform < leftToRightShare
      ? first + indexWithin(uniform / leftToRightShare, phase - first)
      : phase + indexWithin((uniform - leftToRightShare) / (1 - leftToRightShare), count - phase);
  }
}

/** The row of the table. */
export const token: TimestepScheme = {
  leavesSlotsOut: ({ anchor_distance }) => anchor_distance !== null,
  timesteps: (config, slots) => new TokenTimesteps(config, slots),
};

/** Where the anchor is, given the start point's slot. */
function anchor(
  { anchor_scale: scale, anchor_distance: distance }: TimestepConfig,
  slots: number,
): (startSlot: number) => number {
  if (distance !== null) {
    if (distance >= 1) return (startSlot) => startSlot + distance;
    throw new UserError(
      ExitCode.model,
      `Cannot place the anchor ${distance} slots ahead: expected at least 1`,
    );
  }
  const slot = Math.floor(scale * slots);
  if (slot >= slots) return () => slot;
  throw new UserError(
    ExitCode.model,
    `Cannot place the anchor at ${scale} times the target length: expected at least 1`,
  );
}

/** floor(u * count), kept below count where u was rounded up to 1. */
function indexWithin(uniform: number, count: number): number {
  return Math.min(Math.floor(uniform * count), count - 1);
}

/** The nearest integer; ties go to the even one (IEEE 754's default, unlike `Math.round`). */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return fraction < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
