/**
 * More pairs for CommonGen from the same sentences: other sets of concepts that a sentence answers.
 *
 *   deno run --allow-read=data --allow-write=data scripts/concept_pairs.ts [COPIES]
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
 * more than MOST_WORDS words are left out, since they would be cut at the last slot. Reads data/commongen/train.src and train.tgt, and writes
 * data/commongen/concepts.src and concepts.tgt. The same call gives the same files.
 */
import { IRREGULAR_FORMS } from "../src/metrics/irregular_forms.ts";
import { porterStem } from "../src/metrics/porter.ts";
import { Random } from "../src/training/random.ts";

const FOLDER = "data/commongen";
/** Chances of three, four and five concepts: those of the development sets. */
const SIZES = [3, 3, 4, 5];
/** Longer sentences are left out. */
const MOST_WORDS = 16;
/** A word is a concept where at least this share of the sentences that use it have it in their set. */
const LEAST_SHARE = 0.05;

const copies = Number(Deno.args[0] ?? 3);
const read = (name: string) => Deno.readTextFileSync(`${FOLDER}/${name}`).trimEnd().split("\n");
const allSets = read("train.src").map((line) => line.split(" "));
const pairs = read("train.tgt")
  .map((line, i) => ({
    set: allSets[i]!,
    sentence: asSentence(line),
    weight: isSentence(line) ? 2 : 1,
  }))
  .filter(({ sentence }) => sentence.split(" ").length <= MOST_WORDS)
  .flatMap((pair) => Array.from({ length: pair.weight }, () => pair));
const sets = pairs.map(({ set }) => set);
const sentences = pairs.map(({ sentence }) => sentence);
const used = conceptsUsed();

const sources: string[] = [];
const targets: string[] = [];
for (let copy = 0; copy < copies; copy++) {
  const random = new Random(copy, 0);
  for (const [i, sentence] of sentences.entries()) {
    const size = SIZES[random.below(SIZES.length)]!;
    const others = used[i]!;
    const isOther = random.uniform() < 0.5 && others.length >= 3;
    sources.push(
      shuffled(isOther ? others : sets[i]!, random).slice(0, isOther ? size : 5).join(" "),
    );
    targets.push(sentence);
  }
}
Deno.writeTextFileSync(`${FOLDER}/concepts.src`, `${sources.join("\n")}\n`);
Deno.writeTextFileSync(`${FOLDER}/concepts.tgt`, `${targets.join("\n")}\n`);

function isSentence(caption: string): boolean {
  return /^\p{Lu}.*[^ ]\.$/u.test(caption);
}

/** A caption with its words joined to their punctuation, a capital at its head and a stop at its end. */
function asSentence(caption: string): string {
  const joined = caption.trim()
    .replace(/\s+/g, " ")
    .replace(/ ([.,!?;:]+)(?= |$)/g, "$1")
    .replace(/ (n't|'(?:s|re|ve|ll|d|m))\b/g, "$1");
  const stopped = /[.!?]["']?$/.test(joined) ? joined : `${joined}.`;
  return stopped[0]!.toUpperCase() + stopped.slice(1);
}

/** The concepts that each training sentence uses, whether they are in its set or not. */
function conceptsUsed(): string[][] {
  const byStem = new Map<string, Map<string, number>>();
  for (const concept of sets.flat()) {
    const counts = byStem.get(porterStem(concept)) ?? new Map<string, number>();
    byStem.set(porterStem(concept), counts.set(concept, (counts.get(concept) ?? 0) + 1));
  }
  const conceptOf = new Map(
    Array.from(byStem, ([stem, counts]) => [stem, mostFrequent(counts)] as const),
  );
  const found = sentences.map((sentence) => {
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
      if (sets[i]!.includes(concept)) inSets.set(concept, (inSets.get(concept) ?? 0) + 1);
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
