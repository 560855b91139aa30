/** What command lines call utilities and methods. Help lists them, so it loads nothing. */

/** What candidates can be compared by. */
export const UTILITIES = ["bleu", "chrf", "rouge-l", "token-f1"] as const;

/** The name of a utility. */
export type UtilityName = typeof UTILITIES[number];

/** How the expected utility can be found. */
export const SELECTION_METHODS = ["exact", "aggregate", "prune"] as const;

/** One of {@linkcode SELECTION_METHODS}: of every pair, of mean statistics, or by pruning. */
export type SelectionMethod = typeof SELECTION_METHODS[number];

/** The forms that candidates come in: JSON lines, a text a line, n-best lists. */
export const CANDIDATE_FORMATS = ["jsonl", "text", "nbest"] as const;

/** One of {@linkcode CANDIDATE_FORMATS}. */
export type CandidateFormat = typeof CANDIDATE_FORMATS[number];
