/**
 * What is kept of a pair's candidates: the one nearest its reference by chrF; the one that agrees most
 * with all references of its source, by sentence BLEU, so that a source has one target however often it
 * stands in the data; or all that differ.
 */
export type Keep = "nearest" | "consensus" | "all";

/** All of {@linkcode Keep}. */
export const KEEP: readonly Keep[] = ["nearest", "consensus", "all"];
