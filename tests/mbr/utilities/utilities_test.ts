import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { UtilityName } from "../../../src/mbr/names.ts";
import { utilities } from "../../../src/mbr/utilities/mod.ts";
import { readOracle } from "../oracle.ts";

const names = Object.keys(utilities) as UtilityName[];

/** utility(reference, hypothesis) of two texts, through a compilation of them and others. */
function utilityOf(name: UtilityName, reference: string, hypothesis: string): number {
  if (reference === hypothesis) return utilities[name].compile([reference]).self(0);
  const compiled = utilities[name].compile(["a b", reference, "c", hypothesis]);
  const asReference = new Float64Array(4), asHypothesis = new Float64Array(4);
  compiled.compare(1, Int32Array.of(0, 3), asReference, asHypothesis);
  const forwards = asReference[1]!;
  compiled.compare(3, Int32Array.of(1), asReference, asHypothesis);
  assertEquals(asHypothesis[0], forwards);
  return forwards;
}

for (const name of names) {
  Deno.test(`utility "${name}" agrees with its oracle`, () => {
    const { texts, pairs } = readOracle();
    for (const pair of pairs) {
      const [reference, hypothesis] = [texts[pair.reference]!, texts[pair.hypothesis]!];
      const utility = utilityOf(name, reference, hypothesis);
      assertAlmostEquals(utility, pair[name], 1e-12, `"${reference}" and "${hypothesis}"`);
    }
  });
}

Deno.test('utility "bleu" adds one at every order and takes the candidate as the reference', () => {
  // Matches 3, 2, 1, 0 of 4, 3, 2, 1 n-grams; the hypothesis is one word shorter.
  const expected = Math.exp(1 - 5 / 4) * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4);
  assertAlmostEquals(
    utilityOf("bleu", "the dog runs away now", "the dog runs off"),
    expected,
    1e-15,
  );
  const swapped = (4 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4);
  assertAlmostEquals(
    utilityOf("bleu", "the dog runs off", "the dog runs away now"),
    swapped,
    1e-15,
  );
});

Deno.test('utility "bleu" stays within 1 for hypotheses of one and two words', () => {
  assertEquals(utilityOf("bleu", "dog", "Dog"), 1);
  assertAlmostEquals(utilityOf("bleu", "a", "b c"), (1 / 3 * 1 / 2) ** (1 / 4), 1e-15);
});

Deno.test('utility "rouge-l" carries across 32-bit blocks', () => {
  // Every third word of a long sequence, and the sequence backwards.
  const long = Array.from({ length: 200 }, (_, i) => `w${i}`);
  const thirds = long.filter((_, i) => i % 3 === 0);
  assertAlmostEquals(
    utilityOf("rouge-l", long.join(" "), thirds.join(" ")),
    2 * thirds.length / (long.length + thirds.length),
    1e-15,
  );
  assertEquals(utilityOf("rouge-l", long.join(" "), long.toReversed().join(" ")), 2 / 400);
});

for (const name of names) {
  Deno.test(`utility "${name}" of candidates with nothing in common is small and finite`, () => {
    const utility = utilityOf(name, "completely different", "xyz");
    assert(utility >= 0 && utility < 0.75);
  });
}

for (const name of ["bleu", "chrf", "token-f1"] as const) {
  Deno.test(`utility "${name}" aggregates exactly where all other candidates are equal`, () => {
    // The mean of one text's statistics is that text's statistics.
    const [candidate, other] = ["a dog runs in the park", "the dog runs in a park today"];
    const aggregated = utilities[name].compile([candidate, other]).aggregate!(
      Float64Array.of(1, 3),
    );
    assertAlmostEquals(aggregated(0, 1), utilityOf(name, candidate, other), 1e-12);
    // One of the three duplicates is left out, the two that remain agree fully.
    const mixed = utilities[name].compile([other]).aggregate!(Float64Array.of(3));
    assertAlmostEquals(mixed(0, 1), 1, 1e-12);
  });
}
