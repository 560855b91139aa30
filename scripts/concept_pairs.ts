/**
 * More pairs for CommonGen: other sets of concepts for its sentences, and other sentences.
 *
 *   deno task concepts [COPIES]
 *
 * Four fifths of the training sets have three concepts, half of the development sets four or five; and
 * a set's order tells nothing. So every training sentence is written COPIES times (6), each time with
 * its own set in a new order or, as often, with three to five of the concepts that it uses.
 *
 * CommonGen's training text leaves out on purpose many words that its development sets ask for
 * ("newspaper", "hammer"), and a network learns to repeat a concept only from sets that have it. So a
 * sentence's rare words are concepts too, in their base forms, and so are the English sentences of
 * Tatoeba, a third as often: statements without names in which at least two concepts are used.
 *
 * Sentences are written in one way: captions of several sources are mixed in the training text, a fifth
 * of which begin with a capital and under half of which end with a full stop, where nine in ten of the
 * development references do both; and some are split into tokens ("track , and"). Those that were
 * sentences to begin with, not catchwords ("woman paddling canoe"), are written twice as often. Those of
 * more than 16 words are left out, since they would be cut at the last slot.
 *
 * Reads data/commongen/train.src and train.tgt and the English side of data/tatoeba-en-fr/train.tsv, and
 * writes concepts.src and concepts.tgt beside the first. The same call gives the same files.
 */
import { IRREGULAR_FORMS } from "../src/metrics/irregular_forms.ts";
import { porterStem } from "../src/metrics/porter.ts";
import { Random } from "../src/random.ts";

/** A set of concepts and a sentence that uses them. */
export interface ConceptPair {
  readonly concepts: readonly string[];
  readonly sentence: string;
}

/** Longer sentences are left out. */
const MOST_WORDS = 16;
/** Chances of three, four and five concepts: those of the development sets. */
const SIZES = [3, 3, 4, 5];
/** How often a statement is written for each time that a caption is. */
const STATEMENT_SHARE = 1 / 3;

/**
 * Pairs of the same sentences with other concepts, and of sentences that come without concepts; the
 * head of this file says which.
 */
export function conceptPairs(
  captions: readonly ConceptPair[],
  copies: number,
  statements: readonly string[] = [],
): ConceptPair[] {
  const pairs = captions
    .map((pair) => ({
      ...pair,
      sentence: asSentence(pair.sentence),
      isOne: isSentence(pair.sentence),
    }))
    .filter(({ sentence }) => sentence.split(" ").length <= MOST_WORDS)
    .flatMap((pair) => pair.isOne ? [pair, pair] : [pair]);
  const concepts = new ConceptFinder(pairs, statements);
  const used = pairs.map(({ sentence }) => concepts.usedIn(sentence));
  const fromCaptions = Array.from({ length: copies }, (_, copy) => {
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
  const statementCopies = Math.ceil(copies * STATEMENT_SHARE);
  const fromStatements = Array.from({ length: statementCopies }, (_, copy) => {
    const random = new Random(copies + copy, 0);
    return statements
      .map((sentence) => ({
        concepts: shuffled(concepts.usedIn(sentence), random)
          .slice(0, SIZES[random.below(SIZES.length)]!),
        sentence,
      }))
      .filter(({ concepts }) => concepts.length >= 2);
  }).flat();
  return [...fromCaptions, ...fromStatements];
}

/** Distinct sentences that state something, without figures, quotations or names. */
export function plainStatements(sentences: Iterable<string>): string[] {
  const distinct = [...new Set(sentences)];
  const capitals = new Map<string, number>();
  for (const word of distinct.flatMap((sentence) => wordsOf(sentence).slice(1))) {
    const key = word.toLowerCase();
    capitals.set(key, (capitals.get(key) ?? 0) + (word === key ? -1 : 1));
  }
  const isName = (word: string) =>
    !/^I(?:$|')/.test(word) && (capitals.get(word.toLowerCase()) ?? 0) > 0;
  return distinct.filter((sentence) =>
    /^[^0-9"]*\.$/.test(sentence) && sentence.split(" ").length <= MOST_WORDS &&
    !wordsOf(sentence).some(isName)
  );
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

/**
 * Finds the concepts that a sentence uses, whether they are in its set or not.
 *
 * What is a concept, and its base form, is taken from the training text alone, by the stems that
 * concept coverage uses: a word that is in the sets of enough of the sentences that use it, or one that
 * few sentences use. Others ("of", "white", "man") tell little of what a sentence is about.
 */
class ConceptFinder {
  /** A frequent word is a concept where at least this share of its sentences have it in their set. */
  static readonly #leastShare = 0.05;
  /** From how many captions, or statements, on a word is frequent. */
  static readonly #frequent = { captions: 100, statements: 300 };
  /** Concepts by stem. */
  readonly #conceptOf: ReadonlyMap<string, string>;

  constructor(captions: readonly ConceptPair[], statements: readonly string[]) {
    const inSets = new Map<string, string[]>(); // by stem
    for (const concept of captions.flatMap(({ concepts }) => concepts)) {
      append(inSets, porterStem(concept), concept);
    }
    const words = new Map<string, string[]>();
    const inCaptions = new Map<string, number>(), inStatements = new Map<string, number>();
    const asked = new Map<string, number>();
    const read = (sentence: string, counts: Map<string, number>) => {
      const own = new Map(wordsOf(sentence.toLowerCase()).map((word) => [stemOf(word), word]));
      for (const [stem, word] of own) {
        append(words, stem, word);
        counts.set(stem, (counts.get(stem) ?? 0) + 1);
      }
      return own;
    };
    for (const { concepts, sentence } of captions) {
      const own = read(sentence, inCaptions);
      for (const stem of new Set(concepts.map(porterStem))) {
        if (own.has(stem)) asked.set(stem, (asked.get(stem) ?? 0) + 1);
      }
    }
    for (const statement of statements) read(statement, inStatements);
    const { captions: often, statements: oftenStated } = ConceptFinder.#frequent;
    const isConcept = (stem: string) => {
      const count = inCaptions.get(stem) ?? 0;
      const isRare = count < often && (inStatements.get(stem) ?? 0) < oftenStated;
      return isRare || (asked.get(stem) ?? 0) >= ConceptFinder.#leastShare * count;
    };
    this.#conceptOf = new Map(
      Array.from(words)
        .filter(([stem]) => isConcept(stem))
        .map(([stem, forms]) => [stem, mostFrequent(inSets.get(stem)) ?? shortest(forms)] as const)
        .filter(([, concept]) => concept.length >= 3),
    );
  }

  /** Distinct concepts, in the order of their first use. */
  usedIn(sentence: string): string[] {
    const concepts = wordsOf(sentence.toLowerCase()).map((word) =>
      this.#conceptOf.get(stemOf(word))
    );
    return [...new Set(concepts.filter((concept) => concept !== undefined))];
  }
}

/** Words without the possessive's ending; contractions are left out. */
function wordsOf(sentence: string): string[] {
  return (sentence.match(/\p{L}+(?:'\p{L}+)*/gu) ?? [])
    .map((word) => word.replace(/'s$/, ""))
    .filter((word) => !word.includes("'"));
}

function stemOf(word: string): string {
  return porterStem(IRREGULAR_FORMS.get(word) ?? word);
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function mostFrequent(values: readonly string[] = []): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function shortest(words: readonly string[]): string {
  return words.reduce((best, word) => word.length < best.length ? word : best);
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
  const statements = plainStatements(
    Deno.readTextFileSync("data/tatoeba-en-fr/train.tsv").split("\n").map((line) =>
      line.split("\t")[0]!
    ),
  );
  const pairs = conceptPairs(captions, Number(Deno.args[0] ?? 6), statements);
  const write = (name: string, lines: readonly string[]) =>
    Deno.writeTextFileSync(`${folder}/${name}`, lines.map((line) => `${line}\n`).join(""));
  write("concepts.src", pairs.map(({ concepts }) => concepts.join(" ")));
  write("concepts.tgt", pairs.map(({ sentence }) => sentence));
}
