/** What the command line says of generation: loaded for help, so it loads nothing else. */

/**
 * What an output line holds:
 *
 * - `text`: the chosen sentence; where all candidates are results, all of them, tabs between them;
 * - `tsv`: the source before that;
 * - `jsonl`: everything that is known.
 */
export const OUTPUT_FORMATS = ["text", "tsv", "jsonl"] as const;

/** One of {@linkcode OUTPUT_FORMATS}. */
export type OutputFormat = typeof OUTPUT_FORMATS[number];

/** Network calls of a grid where none are given. */
export const GRID_STEPS = 20;

/**
 * What "auto" stands for where settled slots are dropped and the model was trained with `length`
 * "batch".
 */
export const AUTO_SHARE = 0.25;
