/**
 * What a timestep scheme is: how one sentence-level index decides the timestep of every slot (SPEC 2),
 * and how training draws. Each scheme is a file of this folder and a row of `schemes.ts`.
 */
import { ExitCode, UserError } from "../../errors.ts";
import type { PositionSchedule } from "../learned_schedule.ts";
import type { NoiseScheduleName } from "../names.ts";

/** The part of a model's configuration that schemes read. */
export interface TimestepConfig {
  /** Diffusion steps T. */
  readonly steps: number;
  /** The anchor's distance in multiples of the target length: 2 in the paper, at least 1. */
  readonly anchor_scale: number;
  /**
   * The anchor's distance from the start point in slots, where it moves with it; null: it is fixed.
   * Where it moves, slots that have not started are left out of the computation. With blocks, the
   * slots of one; null: all are one block.
   */
  readonly anchor_distance: number | null;
  /** How the signal fades over the steps. */
  readonly noise_schedule: NoiseScheduleName;
  /** What was learned for each position, with learned timesteps; null: nothing. */
  readonly learned_schedule: readonly PositionSchedule[] | null;
}

/** A row of the table. */
export interface TimestepScheme {
  /** Whether slots that have not started (pure noise, at T - 1) are left out of the computation. */
  readonly leavesSlotsOut?: (config: TimestepConfig) => boolean;
  /** What it gives N slots. */
  readonly timesteps: (config: TimestepConfig, slots: number) => SlotTimesteps;
}

/** Where a row of a training batch stands on its way from noise to text. */
export interface RowTimesteps {
  /** The timestep of every slot, [N]. */
  readonly timesteps: Int32Array;
  /** How many slots are there; the others are left out. */
  readonly present: number;
  /** So many of the first slots have settled, and their loss is not taken. */
  readonly settled: number;
}

/** What training wants of a draw. */
export interface DrawOptions {
  /**
   * Null draws uniformly over all indices (the paper); a number in [0, 1] is the share of draws from
   * the phase in which slots start one after another, where a scheme has one.
   */
  readonly leftToRightShare: number | null;
  /** Tokens of the target. */
  readonly targetLength: number;
  /** So many slots that have not started are there all the same, where slots are left out. */
  readonly waiting?: number;
}

/**
 * The timesteps of N slots: a scheme says how many sentence-level indices there are and what each
 * gives. The last index is pure noise everywhere; at 0 every slot has timestep 0, and no slot's
 * timestep rises as the index falls.
 */
export abstract class SlotTimesteps {
  /**
   * @param slots N
   * @param steps diffusion steps T
   */
  constructor(readonly slots: number, readonly steps: number) {}

  /** The number of sentence-level indices. */
  abstract readonly count: number;

  /** The timesteps at an index that is within 0..count - 1. */
  protected abstract compute(index: number): Int32Array<ArrayBuffer>;

  /** The timestep of every slot at a sentence-level index, [N], each in 0..T-1. */
  at(index: number): Int32Array<ArrayBuffer> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`Sentence-level timestep ${index} is outside 0..${this.count - 1}`);
    }
    return this.compute(index);
  }

  /**
   * How many slots there are to compute at given timesteps, from 1 to N: all, unless a scheme leaves
   * some out.
   *
   * @param _timesteps of the slots, [N]
   * @param _waiting so many slots that have not started are there all the same
   */
  present(_timesteps: Int32Array, _waiting = 0): number {
    return this.slots;
  }

  /**
   * Draws a training row: every index equally likely, unless a scheme has other ideas.
   *
   * @param next the next uniform random number in [0, 1)
   * @throws {UserError} where a share is asked of a left-to-right phase that there is not
   */
  draw(next: () => number, { leftToRightShare }: DrawOptions): RowTimesteps {
    if (leftToRightShare !== null) refuseShare(leftToRightShare);
    const timesteps = this.at(Math.floor(next() * this.count));
    return { timesteps, present: this.slots, settled: 0 };
  }
}

/**
 * How many slots there are where those that have not started are left out, at least one.
 *
 * @param timesteps of the slots, [N]
 * @param waiting so many slots that have not started are there all the same
 */
export function startedSlots(timesteps: Int32Array, steps: number, waiting: number): number {
  const first = timesteps.indexOf(steps - 1);
  const started = first < 0 ? timesteps.length : first;
  return Math.min(Math.max(started + waiting, 1), timesteps.length);
}

/** Says that there is no left-to-right phase to draw a share from. */
export function refuseShare(leftToRightShare: number): never {
  throw new UserError(
    ExitCode.usage,
    `Cannot draw a share of ${leftToRightShare} from the left-to-right phase: ` +
      "only token-level timesteps of at least two slots have one",
  );
}
