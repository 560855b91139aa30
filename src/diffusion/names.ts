/** What configurations and command lines call parts of the process. Help lists them, so it loads nothing. */

/** The noise schedules that can be named in a configuration. */
export const NOISE_SCHEDULES = ["sqrt", "linear", "cosine"] as const;

/** One of {@linkcode NOISE_SCHEDULES}. */
export type NoiseScheduleName = typeof NOISE_SCHEDULES[number];

/** What the network may be shown of a latent. */
export const LATENT_VIEWS = ["unit_variance", "as_is", "expected_x0", "gated"] as const;

/**
 * One of {@linkcode LATENT_VIEWS}:
 *
 * - `unit_variance`: divided by the standard deviation that it has at its timestep (as it is for F = 1);
 * - `as_is`: the latent itself;
 * - `expected_x0`: shrunk to what it says of x0, E[x0 | z] for x0 of unit variance: noise fades;
 * - `gated`: between the first and the third, by the timestep: the first where text prevails, the third
 *   where noise does.
 */
export type LatentView = typeof LATENT_VIEWS[number];

/** The step grids that can be named on the command line. */
export const STEP_GRIDS = ["even", "movement", "log-snr", "left"] as const;

/**
 * One of {@linkcode STEP_GRIDS}:
 *
 * - `even`: every floor((N+T)/M)-th index from the top (the paper);
 * - `movement`: equal change of the mean token timestep per move;
 * - `log-snr`: equal change of the mean log signal-to-noise ratio per move;
 * - `left`: the same, with a mean in which slots count the less the further right they are, since few
 *   sentences have words there: the start goes slowly at first, then faster.
 */
export type StepGridKind = typeof STEP_GRIDS[number];

/** The samplers that can be named on the command line. */
export const SAMPLERS = ["posterior", "ddim", "dpm++2m"] as const;

/** One of {@linkcode SAMPLERS}. */
export type SamplerName = typeof SAMPLERS[number];
