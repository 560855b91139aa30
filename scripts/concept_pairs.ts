/**
 * More pairs for CommonGen from the same sentences: other sets of concepts that a sentence answers.
 *
 *   deno task concepts [COPIES]
 *
 * Four fifths of the training sets have three concepts, half of the development sets four or five; and
 * a set's order tells nothing. So every training sentence is written COPIES times (3), each time with
 * its own set in a new order or, as often, with three to five of the concepts that it uses. Which words
 * are concepts, and what their base forms are, is taken from the training sets alone, by the stems that
 * concept coverage uses.
 *
 * Sentences are written in one way: captions of several sources are mixed in the training text, a fifth
 * of which begin with a capital and under half of which end with a full stop, where nine in ten of the
 * development references do both; and some are split into tokens ("track , and"). Those that were
 * sentences to begin with, not catchwords ("woman paddling canoe"), are written twice as often. Those of
 * more than 16 words are left out, since they would be cut at the last slot.
 *
 * Reads data/commongen/train.src and train.tgt, and writes concepts.src and concepts.tgt beside them.
 * The same call gives the same files.
 */
import { IRREGULAR_FORMS } from "../src/metrics/irregular_forms.ts";
import { porterStem } from "../src/metrics/porter.ts";
import { Random } from "../src/training/random.ts";

/** A set of concepts and a sentence that uses them. */
export interface ConceptPair {
  readonly concepts: readonly string[];
  readonly sentence: string;
}

/** Longer sentences are left out. */
const MOST_WORDS = 16;
/** Chances of three, four and five concepts: those of the development sets. */
const SIZES = [3, 3, 4, 5];
/** A word is a concept where at least this share of the sentences that use it have it in their set. */
const LEAST_SHARE = 0.05;

/** Pairs of the same sentences with other concepts; the head of this file says which. */
export function conceptPairs(captions: readonly ConceptPair[], copies: number): ConceptPair[] {
  const pairs = captions
    .map((pair) => ({
      ...pair,
      sentence: asSentence(pair.sentence),
      isOne: isSentence(pair.sentence),
    }))
    .filter(({ sentence }) => sentence.split(" ").length <= MOST_WORDS)
    .flatMap((pair) => pair.isOne ? [pair, pair] : [pair]);
  const used = conceptsUsed(pairs);
  return Array.from({ length: copies }, (_, copy) => {
    const random = new Random(copy, 0);
    return pairs.map(({ concepts, sentence }, i): ConceptPair => {
      const size = SIZES[random.below(SIZES.length)]!;
      const isOther = random.uniform() < 0.5 && used[i]!.length >= 3;
      return {
        concepts: isOther ? shuffled(used[i]!, random).slice(0, size) : shuffled(concepts, random),
        sentence,
      };
    });
  }).flat();
}

/** A caption with its words joined to their punctuation, a capital at its head and a stop at its end. */
export function asSentence(caption: string): string {
  const joined = caption.trim()
    .replace(/\s+/g, " ")
    .replace(/ ([.,!?;:]+)(?= |$)/g, "$1")
    .replace(/ (n't|'(?:s|re|ve|ll|d|m))\b/g, "$1");
  const stopped = /[.!?]["']?$/.test(joined) ? joined : `${joined}.`;
  return stopped.charAt(0).toUpperCase() + stopped.slice(1);
}

function isSentence(caption: string): boolean {
  return /^\p{Lu}.*[^ ]\.$/u.test(caption);
}

/** The concepts that each sentence uses, whether they are in its set or not. */
function conceptsUsed(pairs: readonly ConceptPair[]): string[][] {
  const byStem = new Map<string, Map<string, number>>();
  for (const concept of pairs.flatMap(({ concepts }) => concepts)) {
    const stem = porterStem(concept);
    const counts = byStem.get(stem) ?? new Map<string, number>();
    byStem.set(stem, counts.set(concept, (counts.get(concept) ?? 0) + 1));
  }
  const conceptOf = new Map(
    Array.from(byStem, ([stem, counts]) => [stem, mostFrequent(counts)] as const),
  );
  const found = pairs.map(({ sentence }) => {
    const words = sentence.toLowerCase().match(/\p{L}+/gu) ?? [];
    const concepts = words.map((word) =>
      conceptOf.get(porterStem(word)) ?? conceptOf.get(porterStem(IRREGULAR_FORMS.get(word) ?? ""))
    );
    return [...new Set(concepts.filter((concept) => concept !== undefined))];
  });
  const inSets = new Map<string, number>(), inSentences = new Map<string, number>();
  for (const [i, concepts] of found.entries()) {
    for (const concept of concepts) {
      inSentences.set(concept, (inSentences.get(concept) ?? 0) + 1);
      if (pairs[i]!.concepts.includes(concept)) inSets.set(concept, (inSets.get(concept) ?? 0) + 1);
    }
  }
  const isConcept = (concept: string) =>
    (inSets.get(concept) ?? 0) >= LEAST_SHARE * inSentences.get(concept)!;
  return found.map((concepts) => concepts.filter(isConcept));
}

function mostFrequent(counts: ReadonlyMap<string, number>): string {
  return [...counts].reduce((best, entry) => entry[1] > best[1] ? entry : best)[0];
}

function shuffled(values: readonly string[], random: Random): string[] {
  const order = Uint32Array.from(values.keys());
  random.shuffle(order);
  return Array.from(order, (index) => values[index]!);
}

if (import.meta.main) {
  const folder = "data/commongen";
  const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`).trimEnd().split("\n");
  const sentences = read("train.tgt");
  const captions = read("train.src").map((line, i) => ({
    concepts: line.split(" "),
    sentence: sentences[i]!,
  }));
  const pairs = conceptPairs(captions, Number(Deno.args[0] ?? 3));
  const write = (name: string, lines: readonly string[]) =>
    Deno.writeTextFileSync(`${folder}/${name}`, lines.map((line) => `${line}\n`).join(""));
  write("concepts.src", pairs.map(({ concepts }) => concepts.join(" ")));
  write("concepts.tgt", pairs.map(({ sentence }) => sentence));
}
