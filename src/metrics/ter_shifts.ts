/**
 * TER's edit count: block shifts chosen greedily, then the edits that remain.
 *
 * Which shifts are tried, in which order, and when the search gives up follow Tercom by way of
 * sacreBLEU 2.6, limits included: the count is defined by this search, not by an optimum.
 */
import { type Alignment, TerAligner } from "./ter_alignment.ts";

const MAX_SHIFT_SIZE = 10;
const MAX_SHIFT_DISTANCE = 50;
const MAX_CANDIDATES = 1000;

/** A block of hypothesis words and the position before which it would be put. */
interface Shift {
  readonly start: number;
  readonly length: number;
  readonly target: number;
  /** Edits saved. */
  readonly gain: number;
}

/** Edits, shifts included, that turn a hypothesis into a reference; words are ids. */
export function terEdits(hypothesis: Int32Array, reference: Int32Array): number {
  if (reference.length === 0) return hypothesis.length;
  const aligner = new TerAligner(reference, hypothesis.length);
  const budget = { candidates: MAX_CANDIDATES };
  const shifted = new Int32Array(hypothesis.length);
  let words = hypothesis;
  for (let shifts = 0;; shifts++) {
    const alignment = aligner.align(words);
    const best = bestShift(words, reference, aligner, alignment, budget);
    // A search cut short is thrown away, even if it had found a shift worth making.
    if (best === undefined || budget.candidates <= 0) return shifts + alignment.distance;
    performShift(words, best.start, best.length, best.target, shifted);
    words = shifted.slice();
  }
}

/** The shift that saves most edits, if any does; ties go to the longest, then the leftmost. */
function bestShift(
  words: Int32Array,
  reference: Int32Array,
  aligner: TerAligner,
  alignment: Alignment,
  budget: { candidates: number },
): Shift | undefined {
  const candidate = new Int32Array(words.length);
  let best: Shift | undefined;
  for (const [start, referenceStart, length] of commonBlocks(words, reference)) {
    if (!isWorthTrying(alignment, start, referenceStart, length)) continue;
    let previous = -1;
    for (let offset = -1; offset < length; offset++) {
      const at = referenceStart + offset;
      if (at >= reference.length) break;
      const target = at < 0 ? 0 : alignment.hypothesisAt[at]! + 1;
      if (target === previous) continue;
      previous = target;
      performShift(words, start, length, target, candidate);
      const limit = alignment.distance - (best?.gain ?? 1);
      const distance = aligner.distanceWithin(candidate, Math.min(start, target), limit);
      budget.candidates--;
      const shift = { start, length, target, gain: alignment.distance - distance };
      if (distance <= limit && (best === undefined || outranks(shift, best))) best = shift;
    }
    if (budget.candidates <= 0) break;
  }
  return best;
}

/** Both sides of the block hold an error, and the block would not land within itself. */
function isWorthTrying(
  { hypothesisAt, hypothesisErrors, referenceErrors }: Alignment,
  start: number,
  referenceStart: number,
  length: number,
): boolean {
  if (hypothesisErrors[start + length] === hypothesisErrors[start]) return false;
  if (referenceErrors[referenceStart + length] === referenceErrors[referenceStart]) return false;
  const at = hypothesisAt[referenceStart]!;
  return at < start || at >= start + length;
}

function outranks(a: Shift, b: Shift): boolean {
  if (a.gain !== b.gain) return a.gain > b.gain;
  if (a.length !== b.length) return a.length > b.length;
  if (a.start !== b.start) return a.start < b.start;
  return a.target < b.target;
}

/** Equal blocks of both sides, as `[start, start in the reference, length]`, short ones first. */
function* commonBlocks(
  words: Int32Array,
  reference: Int32Array,
): Generator<[number, number, number]> {
  for (let start = 0; start < words.length; start++) {
    const from = Math.max(0, start - MAX_SHIFT_DISTANCE);
    const to = Math.min(reference.length, start + MAX_SHIFT_DISTANCE + 1);
    for (let at = from; at < to; at++) {
      const longest = Math.min(MAX_SHIFT_SIZE, words.length - start, reference.length - at);
      for (let k = 0; k < longest && words[start + k] === reference[at + k]; k++) {
        yield [start, at, k + 1];
      }
    }
  }
}

/** Writes `words` with the block at `start` moved before position `target`. */
function performShift(
  words: Int32Array,
  start: number,
  length: number,
  target: number,
  shifted: Int32Array,
): void {
  const end = start + length;
  shifted.set(words);
  if (target < start) {
    shifted.copyWithin(target + length, target, start);
    shifted.set(words.subarray(start, end), target);
  } else {
    // A target inside the block counts the words after it, as Tercom's search does.
    const moved = Math.min(words.length, target > end ? target : target + length);
    shifted.copyWithin(start, end, moved);
    shifted.set(words.subarray(start, end), start + moved - end);
  }
}
