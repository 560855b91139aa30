/** The values that scripts/oracles/mbr.py recorded. */

import type { UtilityName } from "../../src/mbr/names.ts";

interface Oracle {
  readonly texts: readonly string[];
  /** The words of each text. */
  readonly words: readonly (readonly string[])[];
  /** Utilities of texts given by their indices. */
  readonly pairs: readonly (
    & { readonly reference: number; readonly hypothesis: number }
    & Readonly<Record<UtilityName, number>>
  )[];
  readonly selections: readonly (
    & { readonly candidates: readonly string[]; readonly weights?: readonly number[] }
    & Readonly<Record<UtilityName, { index: number; expectedUtility: readonly number[] }>>
  )[];
}

/** Reads the recorded values. */
export function readOracle(): Oracle {
  return JSON.parse(
    Deno.readTextFileSync(new URL("../data/mbr/oracle.json", import.meta.url)),
  ) as Oracle;
}
