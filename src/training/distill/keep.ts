/**
 * Which candidates become training targets (sequence-level knowledge distillation; Kim and Rush, 2016,
 * and their interpolation: of several candidates, the one nearest the reference). Arithmetic only.
 */
import { sentenceBleu } from "../../metrics/bleu.ts";
import { chrfFromStatistics, chrfStatistics } from "../../metrics/chrf.ts";
import { uniformOf } from "../../text/held_out.ts";
import type { Keep } from "./keep_names.ts";

/** The targets that a pair gets. */
export interface Kept {
  /** At least one. */
  readonly targets: readonly string[];
  /** Whether the reference is kept, in the place of candidates. */
  readonly isReference: boolean;
  /** chrF of the first target against the reference, 0 to 100; 100 for the reference itself. */
  readonly chrf: number;
}

/** The reference in the place of candidates. */
export function keptReference(reference: string): Kept {
  return { targets: [reference], isReference: true, chrf: 100 };
}

/**
 * Chooses among candidates. Blank ones are left out; without any other the reference stays.
 *
 * @param candidates of equal nearness, the first is taken
 * @param references all of the source, which consensus looks at
 */
export function keptCandidates(
  candidates: readonly string[],
  reference: string,
  keep: Keep,
  references: readonly string[] = [reference],
): Kept {
  const texts = [...new Set(candidates.filter((text) => text.trim() !== ""))];
  if (texts.length === 0) return keptReference(reference);
  const statistics = chrfStatistics(texts, texts.map(() => [reference]));
  const scores = texts.map((_, index) => chrfFromStatistics(statistics.row(index)));
  const nearness = keep === "consensus"
    ? texts.map((text) => sentenceBleu(text, references).score)
    : scores;
  const best = nearness.indexOf(Math.max(...nearness));
  return keep === "all"
    ? { targets: texts, isReference: false, chrf: scores[0]! }
    : { targets: [texts[best]!], isReference: false, chrf: scores[best]! };
}

/**
 * Whether a pair is one of the share whose reference is kept: a function of the pair and the seed, so
 * that shards and restarts agree.
 */
export function keepsReference(
  { source, target }: { readonly source: string; readonly target: string },
  share: number,
  seed: bigint,
): boolean {
  return share > 0 && uniformOf(`${seed}\n${source}\n${target}`) < share;
}
