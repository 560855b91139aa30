/**
 * Chooses among candidates by two utilities that ardiff does not have, one of a few lines and one
 * written out, beside the paper's:
 *
 *     deno run --allow-read --allow-ffi --allow-env examples/own_utility.ts MODEL "dog frisbee catch"
 */
// deno-lint-ignore-file no-console -- an example prints
import { characters, Model, ngramUtility, type Utility, words } from "../src/mod.ts";

/** Dice's coefficient of character bigrams: a function of n-gram counts needs no more than this. */
const dice = ngramUtility({
  maxOrder: 2,
  split: characters,
  score(matches, m, reference, r, hypothesis, h) {
    const bigrams = reference[r + 1]! + hypothesis[h + 1]!;
    return bigrams === 0 ? 0 : 2 * matches[m + 1]! / bigrams;
  },
});

/** Jaccard's similarity of the sets of words: any other utility compares one text with some. */
const jaccard: Utility = {
  compile(candidates) {
    const sets = candidates.map((text) => new Set(words(text)));
    const similarity = (u: number, v: number) => {
      const union = sets[u]!.union(sets[v]!).size;
      return union === 0 ? 0 : sets[u]!.intersection(sets[v]!).size / union;
    };
    return {
      size: candidates.length,
      compare(u, others, asReference, asHypothesis) {
        others.forEach((v, i) => asReference[i] = asHypothesis[i] = similarity(u, v));
      },
      self: (u) => similarity(u, u),
    };
  },
};

const [folder, ...lines] = Deno.args;
if (folder === undefined || lines.length === 0) {
  console.error("Give a model folder and one line or more.");
  Deno.exit(2);
}

using model = await Model.load(folder);
for (const [name, utility] of Object.entries({ bleu: "bleu" as const, dice, jaccard })) {
  for await (const result of model.generate(lines, { steps: 5, candidates: 10, utility })) {
    const { utility: expected = 0 } = result.candidates[result.chosen ?? 0]!;
    console.log(`${name}\t${expected.toFixed(3)}\t${result.text}`);
  }
}
