/**
 * Takes Tatoeba's short pairs, at most 5 English and 6 French words, for the plans of experiments/: a
 * network of half a million parameters learns something of them in minutes.
 *
 *     deno task data
 *     deno task short
 */

const FOLDER = new URL("../data/", import.meta.url);

/** The lines of a table of pairs of which neither side has more words than its limit. */
export function shortPairs(table: string, limits: readonly [number, number]): string {
  return table.split("\n").filter((line) => {
    const sides = line.split("\t");
    return sides.length >= 2 &&
      limits.every((limit, side) => sides[side]!.trim().split(/\s+/).length <= limit);
  }).map((line) => `${line}\n`).join("");
}

if (import.meta.main) {
  Deno.mkdirSync(new URL("tatoeba-short", FOLDER), { recursive: true });
  for (const name of ["train.tsv", "dev.tsv"]) {
    const table = Deno.readTextFileSync(new URL(`tatoeba-en-fr/${name}`, FOLDER));
    Deno.writeTextFileSync(new URL(`tatoeba-short/${name}`, FOLDER), shortPairs(table, [5, 6]));
  }
}
