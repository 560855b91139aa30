/**
 * The Porter stemmer (Porter, 1980) with NLTK's extensions, which rouge_score uses: a few irregular
 * words, -ies and -ied by length, y to i after a consonant only, and rules for -bli, -alli, -fulli
 * and -logi. Expects lower-case words; anything but the letters a to z counts as a consonant.
 */

/** Words whose stems NLTK lists instead of deriving. */
const LISTED = new Map([
  ["sky", "sky"],
  ["skies", "sky"],
  ["dying", "die"],
  ["lying", "lie"],
  ["tying", "tie"],
  ["news", "news"],
  ["innings", "inning"],
  ["inning", "inning"],
  ["outings", "outing"],
  ["outing", "outing"],
  ["cannings", "canning"],
  ["canning", "canning"],
  ["howe", "howe"],
  ["proceed", "proceed"],
  ["exceed", "exceed"],
  ["succeed", "succeed"],
]);

/** A suffix and what replaces it. */
type Rule = readonly [suffix: string, replacement: string];

const STEP_2: readonly Rule[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["bli", "ble"],
  ["alli", "al"],
  ["entli", "ent"],
  ["eli", "e"],
  ["ousli", "ous"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["biliti", "ble"],
  ["fulli", "ful"],
];

const STEP_3: readonly Rule[] = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
];

const STEP_4_SUFFIXES: readonly string[] = [
  "al",
  "ance",
  "ence",
  "er",
  "ic",
  "able",
  "ible",
  "ant",
  "ement",
  "ment",
  "ent",
  "ion",
  "ou",
  "ism",
  "ate",
  "iti",
  "ous",
  "ive",
  "ize",
];

/** The stem of a lower-case word, as `nltk.stem.PorterStemmer().stem` gives it. */
export function porterStem(word: string): string {
  const listed = LISTED.get(word);
  if (listed !== undefined) return listed;
  if (word.length <= 2) return word;
  let stem = pluralStem(word);
  stem = pastAndGerundStem(stem);
  stem = step1c(stem);
  stem = step2(stem);
  stem = step3(stem);
  stem = step4(stem);
  return step5(stem);
}

/** Step 1a: plurals. */
function pluralStem(word: string): string {
  if (word.endsWith("ies")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (word.endsWith("ss") || !word.endsWith("s")) return word;
  return word.slice(0, -1);
}

/** Step 1b: -ed and -ing. */
function pastAndGerundStem(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const suffix = word.endsWith("ed") ? 2 : word.endsWith("ing") ? 3 : 0;
  const stem = word.slice(0, word.length - suffix);
  if (suffix === 0 || !consonants(stem).includes(0)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return stem + "e";
  if (endsWithDoubleConsonant(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsWithShortSyllable(stem) ? stem + "e" : stem;
}

/** Step 1c: y to i after a consonant that is not the whole stem. */
function step1c(word: string): string {
  if (!word.endsWith("y") || word.length <= 2) return word;
  return consonants(word)[word.length - 2] === 1 ? word.slice(0, -1) + "i" : word;
}

/** Step 2: double suffixes. */
function step2(word: string): string {
  if (word.endsWith("alli") && measure(word.slice(0, -4)) > 0) return step2(word.slice(0, -2));
  // The l of -logi counts as part of the stem, so that short ones as in "geology" qualify.
  if (word.endsWith("logi")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  return replaceSuffix(word, STEP_2);
}

/** Step 3: -ful, -ness and others. */
function step3(word: string): string {
  return replaceSuffix(word, STEP_3);
}

/** Step 4: suffixes after a stem of measure 2 or more. */
function step4(word: string): string {
  const suffix = STEP_4_SUFFIXES.find((ending) => word.endsWith(ending));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (measure(stem) <= 1 || (suffix === "ion" && !/[st]$/.test(stem))) return word;
  return stem;
}

/** Step 5: a final -e, and the second l of -ll. */
function step5(word: string): string {
  let stem = word;
  if (stem.endsWith("e")) {
    const short = stem.slice(0, -1);
    const m = measure(short);
    if (m > 1 || (m === 1 && !endsWithShortSyllable(short))) stem = short;
  }
  return stem.endsWith("ll") && measure(stem.slice(0, -1)) > 1 ? stem.slice(0, -1) : stem;
}

/** Applies the first rule whose suffix fits, if the stem before it has measure 1 or more. */
function replaceSuffix(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const stem = word.slice(0, -rule[0].length);
  return measure(stem) > 0 ? stem + rule[1] : word;
}

/** 1 for each consonant and 0 for each vowel; y is a vowel after a consonant. */
function consonants(word: string): Uint8Array {
  const flags = new Uint8Array(word.length);
  for (let at = 0; at < word.length; at++) {
    const letter = word[at]!;
    if (letter === "y") flags[at] = at === 0 || flags[at - 1] === 0 ? 1 : 0;
    else flags[at] = "aeiou".includes(letter) ? 0 : 1;
  }
  return flags;
}

/** Porter's m: how often a vowel is followed by a consonant. */
function measure(stem: string): number {
  const flags = consonants(stem);
  let m = 0;
  for (let at = 1; at < flags.length; at++) if (flags[at] === 1 && flags[at - 1] === 0) m++;
  return m;
}

function endsWithDoubleConsonant(word: string): boolean {
  const last = word.length - 1;
  return last >= 1 && word[last] === word[last - 1] && consonants(word)[last] === 1;
}

/** Porter's *o, consonant-vowel-consonant but for a final w, x or y; and vowel-consonant alone. */
function endsWithShortSyllable(word: string): boolean {
  const flags = consonants(word);
  const last = word.length - 1;
  if (last < 1 || flags[last] === 0 || flags[last - 1] === 1) return false;
  if (last === 1) return true;
  return flags[last - 2] === 1 && !/[wxy]$/.test(word);
}
