/** Which writing systems a text's letters belong to, and whether they part words by spaces. */

/** Names of scripts as Unicode has them; what is in none of these is "other". */
const SCRIPTS = [
  "Latin",
  "Cyrillic",
  "Greek",
  "Arabic",
  "Hebrew",
  "Devanagari",
  "Thai",
  "Hangul",
  "Han",
  "Hiragana",
  "Katakana",
] as const;

/** A script's name. */
export type Script = (typeof SCRIPTS)[number] | "other";

/** Scripts whose texts run without spaces between words. */
const WITHOUT_SPACES: ReadonlySet<Script> = new Set<Script>([
  "Thai",
  "Han",
  "Hiragana",
  "Katakana",
]);

const TESTS = SCRIPTS.map((name) => [name, new RegExp(`^\\p{Script=${name}}$`, "u")] as const);
const LETTER = /^\p{L}$/u;

/** Counts the letters of texts by their script. */
export class ScriptCounter {
  readonly #known = new Map<string, Script | null>();
  readonly #counts = new Map<Script, number>();

  /** Counts a text's letters. */
  add(text: string): void {
    for (const character of text) {
      let script = this.#known.get(character);
      if (script === undefined) this.#known.set(character, script = scriptOf(character));
      if (script !== null) this.#counts.set(script, (this.#counts.get(script) ?? 0) + 1);
    }
  }

  /** The scripts with at least a share of all letters, the most frequent first. */
  atLeast(share: number): Script[] {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return [...this.#counts].filter(([, count]) => count >= share * total)
      .sort(([, left], [, right]) => right - left).map(([script]) => script);
  }
}

/** The script of a letter; null for what is none. */
function scriptOf(character: string): Script | null {
  if (!LETTER.test(character)) return null;
  return TESTS.find(([, test]) => test.test(character))?.[0] ?? "other";
}

/** Whether texts of a script put spaces between words. */
export function hasSpaces(script: Script | undefined): boolean {
  return script === undefined || !WITHOUT_SPACES.has(script);
}
