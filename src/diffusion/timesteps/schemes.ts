/** The table of timestep schemes. */
import { autoregressive } from "./autoregressive.ts";
import { block } from "./block.ts";
import { independent } from "./independent.ts";
import { learned } from "./learned.ts";
import type { TimestepScheme } from "./scheme.ts";
import { sentence } from "./sentence.ts";
import { token } from "./token.ts";

/** The schemes that models are trained with: those that a configuration can name. */
export const TRAINED_SCHEMES = ["token", "sentence", "block", "independent", "learned"] as const;

/** One of {@linkcode TRAINED_SCHEMES}, or a limit that is only looked at. */
export type TimestepSchemeName = typeof TRAINED_SCHEMES[number] | "autoregressive";

/** All schemes. */
export const TIMESTEP_SCHEMES: Readonly<Record<TimestepSchemeName, TimestepScheme>> = {
  token,
  sentence,
  block,
  independent,
  learned,
  autoregressive,
};
