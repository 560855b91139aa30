/**
 * Candidates like those of a diffusion model, for benchmarks: real sentences with its mistakes.
 *
 * A model has a few things to say about an input, says some of them more often than others, and makes
 * more mistakes in some samples than in others: here a candidate is one of the references of a set of
 * concepts, drawn with falling probability, followed by one of the next set's to reach the length,
 * and words are replaced, lost, doubled and swapped at a rate of its own, often 0.
 */

/** Words in a candidate at most. */
const WORDS = 20;

/** The highest rate of mistakes: every third word. */
const MAX_MISTAKES = 1 / 3;

/**
 * Makes `count` inputs with `candidates` candidates each, the same for the same arguments.
 *
 * @param groups references of the same input, several each
 */
export function makeCandidates(
  groups: readonly (readonly string[])[],
  count: number,
  candidates: number,
  seed: number,
): string[][] {
  const random = uniform(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  /** One of a list, each half as likely as the one before. */
  const pickEarly = <T>(list: readonly T[]) => {
    let i = 0;
    while (i + 1 < list.length && random() < 0.5) i++;
    return list[i]!;
  };
  const vocabulary = groups.flat().flatMap(splitWords);

  const candidate = (first: readonly string[], second: readonly string[]) => {
    const words = [...splitWords(pickEarly(first)), ...splitWords(pickEarly(second))];
    const rate = Math.max(0, MAX_MISTAKES * (1.25 * random() - 0.25));
    const said = words.flatMap((word, i) => {
      if (random() >= rate) return [word];
      return pick([[pick(vocabulary)], [], [word, word], [words[i + 1] ?? word, word]]);
    });
    return said.slice(0, WORDS).join(" ");
  };
  return Array.from({ length: count }, (_, i) => {
    const first = groups[i % groups.length]!, second = groups[(i + 1) % groups.length]!;
    return Array.from({ length: candidates }, () => candidate(first, second));
  });
}

function splitWords(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Numbers in [0, 1) by Marsaglia's xorshift. */
function uniform(seed: number): () => number {
  let state = seed + 0x9e3779b9 | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
