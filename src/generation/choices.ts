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

/** What a line of scores holds: numbers, then source and target; or everything that is known. */
export const PAIR_FORMATS = ["tsv", "jsonl"] as const;

/** One of {@linkcode PAIR_FORMATS}. */
export type PairFormat = typeof PAIR_FORMATS[number];
