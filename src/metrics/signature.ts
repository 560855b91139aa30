/**
 * Signatures in sacreBLEU's format: `key:value` pairs that say everything a score depends on.
 *
 * The version names the implementation whose definition is followed, and that ardiff computed it:
 * `version:2.6.0-ardiff` is sacreBLEU 2.6.0's definition, checked against that package
 * (scripts/oracles/metrics_compare.py), not its output.
 */
import type { ReferenceLists } from "./segment_statistics.ts";

/** The sacreBLEU release whose definitions BLEU, chrF and TER follow. */
export const SACREBLEU_VERSION = "2.6.0-ardiff";
/** The rouge_score release whose definitions ROUGE follows. */
export const ROUGE_SCORE_VERSION = "rouge_score-0.1.2-ardiff";
/** The pycocoevalcap release whose definitions COCO BLEU and CIDEr-D follow. */
export const PYCOCOEVALCAP_VERSION = "pycocoevalcap-1.2-ardiff";
/** The version of measures that ardiff defines itself. */
export const ARDIFF_VERSION = "ardiff";

/** Resampling noted in a signature: how many resamples, from which seed. */
export interface SignatureBootstrap {
  /** Draws of as many segments as there are. */
  readonly resamples: number;
  /** Seed of the draws. */
  readonly seed: number;
}

/** References per segment as signatures name it: the number, or `var` where it varies. */
export function referenceCount(references: ReferenceLists): number | "var" {
  const count = references[0]?.length ?? 0;
  return references.every((list) => list.length === count) ? count : "var";
}

/**
 * The signature `nrefs:...|bs:...|seed:...|<fields>|version:...`, fields in the order given.
 *
 * @param fields what the metric adds, in its own order
 * @param version the definition followed
 * @param nrefs from {@linkcode referenceCount}; left out for measures without references
 * @param bootstrap noted where a confidence interval or a p-value is given
 */
export function signature(
  fields: Readonly<Record<string, string | number | boolean>>,
  version: string,
  nrefs?: number | "var",
  bootstrap?: SignatureBootstrap,
): string {
  const pairs: [string, string | number | boolean][] = [];
  if (nrefs !== undefined) pairs.push(["nrefs", nrefs]);
  if (bootstrap) pairs.push(["bs", bootstrap.resamples], ["seed", bootstrap.seed]);
  pairs.push(...Object.entries(fields), ["version", version]);
  return pairs
    .map(([key, value]) => `${key}:${typeof value === "boolean" ? (value ? "yes" : "no") : value}`)
    .join("|");
}
