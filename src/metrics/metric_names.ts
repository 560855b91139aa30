/** What metrics are called. It imports nothing, so that a command line can list them at no cost. */

/** Names of the groups of metrics that can be asked for. */
export const METRICS = [
  "bleu",
  "chrf",
  "ter",
  "rouge",
  "cider",
  "nist",
  "distinct",
  "self-bleu",
  "coverage",
] as const;

/** One of {@linkcode METRICS}. */
export type Metric = typeof METRICS[number];
