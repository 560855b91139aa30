/** Reproducible candidates that resemble each other, with duplicates and case differences among them. */

const SENTENCES = [
  "The man with the red hat walks his dog along the river in the morning.",
  "A man in a red hat is walking a dog by the river, early in the morning.",
  "In the morning a dog and a man with a hat walk to the river.",
];

/** `count` perturbed sentences. */
export function randomCandidates(seed: number, count: number): string[] {
  const random = uniform(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const vocabulary = SENTENCES.join(" ").split(" ");
  const candidates: string[] = [];
  while (candidates.length < count) {
    if (candidates.length > 0 && random() < 0.25) {
      candidates.push(pick(candidates));
      continue;
    }
    const rate = 0.6 * random();
    const kept = pick(SENTENCES).split(" ").flatMap((word) => {
      if (random() > rate) return [word];
      return pick([[], [word, word], [pick(vocabulary)], [word.toUpperCase()]]);
    });
    candidates.push(kept.join(" "));
  }
  return candidates;
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
