/**
 * Two-level timesteps: one sentence-level index decides the timestep of every slot (SPEC 2, paper
 * section 3.1), so that left slots are always ahead of (less noisy than) right ones.
 */
import { ExitCode, UserError } from "../errors.ts";

/**
 * How a sentence-level index becomes one timestep per slot:
 *
 * - `token`: slots lie on a line through a moving start point and a fixed anchor (the paper);
 * - `sentence`: every slot has the same timestep (Diffusion-LM, GENIE, DiffuSeq);
 * - `autoregressive`: the limit in which a slot goes from T - 1 to 0 in one move.
 */
export type TimestepKind = "token" | "sentence" | "autoregressive";

/** What the mapping from sentence level to token level depends on. */
export interface TimestepGeometry {
  /** The mapping. */
  readonly kind: TimestepKind;
  /** The number of target slots N. */
  readonly slots: number;
  /** The number of diffusion steps T. */
  readonly steps: number;
  /** The anchor's distance in multiples of N: 2 in the paper, at least 1. Used by `token` only. */
  readonly anchorScale: number;
  /**
   * The anchor's distance from the start point in slots, in place of a fixed anchor; at least 1. Then
   * every slot is on its way while that many start, wherever it stands. Used by `token` only.
   */
  readonly anchorDistance?: number | null;
}

/**
 * The number of sentence-level indices: N + T for `token`, T for `sentence`, N + 1 for
 * `autoregressive`. The last one is pure noise everywhere; at 0 every slot has timestep 0.
 */
export function sentenceTimestepCount({ kind, slots, steps }: TimestepGeometry): number {
  switch (kind) {
    case "token":
      return slots + steps;
    case "sentence":
      return steps;
    case "autoregressive":
      return slots + 1;
  }
}

/**
 * The timestep of every slot at a sentence-level index, [N], each in 0..T-1.
 *
 * For `token`, f(n, i) = clamp(round((t_e - t_s) / (n_e - n_s) (n - n_s) + t_s), 0, T - 1) with the
 * start point (n_s, t_s) = (max(N-1-i, 0), max(i-(N-1), 0)) and the anchor
 * (n_e, t_e) = (floor(scale N), T-1), or (n_s + distance, T-1) where the anchor moves.
 *
 * @throws {UserError} where the anchor scale is below 1: the anchor must lie right of the last slot
 */
export function tokenTimesteps(
  geometry: TimestepGeometry,
  sentenceTimestep: number,
): Int32Array<ArrayBuffer> {
  const { kind, slots, steps } = geometry;
  const count = sentenceTimestepCount(geometry);
  if (
    !Number.isSafeInteger(sentenceTimestep) || sentenceTimestep < 0 || sentenceTimestep >= count
  ) {
    throw new RangeError(`Sentence-level timestep ${sentenceTimestep} is outside 0..${count - 1}`);
  }
  switch (kind) {
    case "token":
      return anchoredTimesteps(geometry, sentenceTimestep);
    case "sentence":
      return new Int32Array(slots).fill(sentenceTimestep);
    case "autoregressive":
      return new Int32Array(slots).fill(steps - 1, slots - sentenceTimestep);
  }
}

/**
 * How many slots of a sentence there are to compute, from 1 to N. Where the anchor moves, slots that
 * have not started (pure noise, at T - 1) tell nothing, and are left out; else it is all of them.
 *
 * @param timesteps of the slots, [N]
 * @param waiting so many slots that have not started are there all the same
 */
export function presentSlots(
  { slots, steps, anchorDistance = null }: TimestepGeometry,
  timesteps: Int32Array,
  waiting = 0,
): number {
  if (anchorDistance === null) return slots;
  const first = timesteps.indexOf(steps - 1);
  return Math.min(Math.max((first < 0 ? slots : first) + waiting, 1), slots);
}

/**
 * The sentence-level index to train on, from a uniform random number in [0, 1).
 *
 * @param leftToRightShare null draws uniformly over all indices (the paper); a number in [0, 1] is
 *   the share of draws with i < N - 1, the phase in which slots start one after another. The paper's
 *   uniform draw visits that phase (N-1)/(N+T) of the time only.
 * @param targetLength tokens of the target, of which draws from that phase leave at least one to
 *   settle: none is spent on padding alone
 * @throws {UserError} where a share is given for timesteps that have no left-to-right phase
 */
export function sampleSentenceTimestep(
  geometry: TimestepGeometry,
  uniform: number,
  leftToRightShare: number | null,
  targetLength = geometry.slots,
): number {
  const count = sentenceTimestepCount(geometry);
  if (leftToRightShare === null) return Math.floor(uniform * count);
  if (geometry.kind !== "token" || geometry.slots < 2) {
    throw new UserError(
      ExitCode.usage,
      `Cannot draw a share of ${leftToRightShare} from the left-to-right phase: ` +
        "only token-level timesteps of at least two slots have one",
    );
  }
  if (!(leftToRightShare >= 0 && leftToRightShare <= 1)) {
    throw new UserError(
      ExitCode.usage,
      `Cannot draw a share of ${leftToRightShare} from the left-to-right phase: ` +
        "expected a number from 0 to 1",
    );
  }
  const phase = geometry.slots - 1;
  // At index i the slots up to N - 1 - i are settled.
  const first = Math.min(geometry.slots - targetLength + 1, phase - 1);
  return uniform < leftToRightShare
    ? first + indexWithin(uniform / leftToRightShare, phase - first)
    : phase + indexWithin((uniform - leftToRightShare) / (1 - leftToRightShare), count - phase);
}

/** floor(u * count), kept below count where u was rounded up to 1. */
function indexWithin(uniform: number, count: number): number {
  return Math.min(Math.floor(uniform * count), count - 1);
}

/**
 * Every operation is rounded to float32 and done in the reference implementation's order: the
 * line's value is often a tie (x.5), and which way it falls depends on those roundings.
 */
function anchoredTimesteps(
  geometry: TimestepGeometry,
  sentenceTimestep: number,
): Int32Array<ArrayBuffer> {
  const { slots, steps } = geometry;
  const startSlot = Math.max(slots - 1 - sentenceTimestep, 0);
  const startTimestep = Math.max(sentenceTimestep - (slots - 1), 0);
  const anchorSlot = anchorSlotOf(geometry, startSlot);
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

function anchorSlotOf(
  { slots, anchorScale, anchorDistance = null }: TimestepGeometry,
  startSlot: number,
): number {
  if (anchorDistance !== null) {
    if (anchorDistance >= 1) return startSlot + anchorDistance;
    throw new UserError(
      ExitCode.model,
      `Cannot place the anchor ${anchorDistance} slots ahead: expected at least 1`,
    );
  }
  const anchorSlot = Math.floor(anchorScale * slots);
  if (anchorSlot >= slots) return anchorSlot;
  throw new UserError(
    ExitCode.model,
    `Cannot place the anchor at ${anchorScale} times the target length: expected at least 1`,
  );
}

/** The nearest integer; ties go to the even one (IEEE 754's default, unlike `Math.round`). */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return fraction < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
