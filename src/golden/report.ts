/** What a golden check compares, what it found, and how large an error is. */
import type { Device, Dtype } from "../native/model.ts";

/** What is compared, and with what. */
export interface GoldenOptions {
  readonly device: Device;
  readonly dtype: Dtype;
  readonly threads: number;
  /** The portable path in place of the CPU kernels. */
  readonly portable: boolean;
}

/** One comparison. */
export interface Finding {
  /** File the expected values come from. */
  readonly file: string;
  /** What was compared. */
  readonly what: string;
  /** Largest relative error; 0 or 1 for values that must be equal. */
  readonly error: number;
  /** Largest error allowed; 0 where values must be equal. */
  readonly tolerance: number;
}

/** Whether a comparison is within its tolerance; NaN never is. */
export function passes({ error, tolerance }: Finding): boolean {
  return error <= tolerance;
}

/** How far values are from expected ones; `counts` says which positions matter. */
export type ErrorMeasure = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  counts?: (index: number) => boolean,
) => number;

/**
 * Largest absolute difference, relative to the largest expected magnitude; where all expected values
 * are zero, relative to one.
 *
 * @param counts which positions count; all where undefined
 */
export function relativeError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  counts?: (index: number) => boolean,
): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    if (counts !== undefined && !counts(i)) continue;
    const gap = Math.abs(actual[i]! - expected[i]!);
    if (!(gap <= difference)) difference = gap; // NaN wins
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return difference / (magnitude || 1);
}

/**
 * Norm of the difference, relative to the norm of the expected values (to one where all are zero):
 * for bfloat16, whose single values err by more than their sum does.
 */
export function relativeNormError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  counts?: (index: number) => boolean,
): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    if (counts !== undefined && !counts(i)) continue;
    difference += (actual[i]! - expected[i]!) ** 2;
    magnitude += expected[i]! ** 2;
  }
  return Math.sqrt(difference / (magnitude || 1));
}

/** Share of positions that differ. */
export function shareDifferent(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return 1;
  let different = 0;
  for (let i = 0; i < expected.length; i++) if (actual[i] !== expected[i]) different++;
  return expected.length === 0 ? 0 : different / expected.length;
}
