/** Whether two implementations generate the same tokens, and whether differences are ties. */

import type { Denoiser } from "../src/denoiser/denoiser.ts";
import type { RunIds } from "./baseline.ts";
import { Run, type Workload } from "./generate.ts";

/** What a comparison found. */
export interface Agreement {
  /** Share of final token ids that are equal. */
  readonly equalTokens: number;
  /** Share of roundings to the nearest embedding that are equal, over all steps. */
  readonly equalRoundings: number;
  /** Sentences of the batch. */
  readonly sentences: number;
  /** Sentences in which some rounding or token differs. */
  readonly differingSentences: number;
  /**
   * Of every sentence that differs, the first rounding that does: how far x0_hat would have to move,
   * relative to its length, to change the choice between both embeddings; the largest of them. Up to
   * 1e-5 (the tolerance between implementations) it is a tie within rounding. NaN where a sentence's
   * tokens differ without a rounding that does.
   */
  readonly largestGap: number;
}

/** Compares a run of ours with the baseline's. Sentences go their own ways after a first difference. */
export async function compareRuns(
  workload: Workload,
  denoiser: Denoiser,
  ours: RunIds,
  theirs: RunIds,
): Promise<Agreement> {
  const { rows, slots, plan } = workload;
  const first = new Map<number, number>(); // sentence to the step of its first difference
  let roundings = 0, equal = 0;
  for (let at = 0; at < ours.rounded.length; at++) {
    if (ours.rounded[at] === -1) continue; // at rest: the baseline's choice has no effect
    roundings++;
    if (ours.rounded[at] === theirs.rounded[at]) {
      equal++;
      continue;
    }
    const row = Math.floor(at / slots) % rows;
    if (!first.has(row)) first.set(row, Math.floor(at / (rows * slots)));
  }
  const differing = new Set(first.keys());
  let equalTokens = 0, largestGap = 0;
  ours.tokens.forEach((id, at) => {
    if (id === theirs.tokens[at]) return void equalTokens++;
    const row = Math.floor(at / slots);
    if (!first.has(row)) largestGap = NaN;
    differing.add(row);
  });
  if (first.size > 0) {
    const table = workload.folder.weights.floats("word_embedding.weight");
    const last = Math.max(...first.values());
    using run = await Run.start(workload, denoiser);
    for (let m = 0; m <= last; m++) {
      const sentences = [...first].filter(([, step]) => step === m).map(([row]) => row);
      if (sentences.length > 0) {
        const x0 = await run.prediction(m);
        for (const slot of sentences.flatMap((row) => range(row * slots, (row + 1) * slots))) {
          const at = m * rows * slots + slot;
          const a = ours.rounded[at]!, b = theirs.rounded[at]!;
          if (a === -1 || a === b) continue;
          largestGap = Math.max(largestGap, gap(x0, slot, table, a, b, workload.width));
        }
      }
      if (m < plan.evaluations) await run.step(m);
    }
  }
  return {
    equalTokens: equalTokens / ours.tokens.length,
    equalRoundings: equal / roundings,
    sentences: rows,
    differingSentences: differing.size,
    largestGap,
  };
}

/** |score(a) - score(b)| / (|x| |a - b|) with score(e) = x . e - |e|^2 / 2. */
function gap(
  x0: Float32Array,
  slot: number,
  table: Float32Array,
  a: number,
  b: number,
  width: number,
): number {
  let difference = 0, length = 0, apart = 0;
  for (let c = 0; c < width; c++) {
    const x = x0[slot * width + c]!, ea = table[a * width + c]!, eb = table[b * width + c]!;
    difference += x * (ea - eb) - (ea * ea - eb * eb) / 2;
    length += x * x;
    apart += (ea - eb) ** 2;
  }
  return Math.abs(difference) / Math.sqrt(length * apart);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
