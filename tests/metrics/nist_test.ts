/** NIST against scripts/oracles/metrics_nist.py, whose texts these are. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { nistFromStatistics, type NistOptions, nistStatistics } from "../../src/metrics/nist.ts";

const HYPOTHESES = [
  "The Vaults is a cheap pub near Café Adriatic, with 5 stars.",
  "There is a pub called The Wrestlers that serves cheap food in the city centre, by the river.",
  "A coffee shop.",
];
const REFERENCES = [
  [
    "The Vaults pub near Café Adriatic has a 5 star rating.",
    "The Vaults is a pub near Café Adriatic with 5 stars.",
  ],
  [
    "The Wrestlers is a cheap pub in the city centre, by the river.",
    "In the city centre by the river, the Wrestlers pub serves cheap food and cheap drinks.",
    "Cheap food is served in the city centre at The Wrestlers, by the river.",
  ],
  ["Aromi is a coffee shop in the city centre."],
];
const FIRST = REFERENCES.map((list) => list.slice(0, 1));

function nist(hypotheses: string[], references: string[][], options: NistOptions = {}): number {
  return nistFromStatistics(nistStatistics(hypotheses, references, options).sum());
}

Deno.test("NIST is nltk's where there is one reference", () => {
  assertAlmostEquals(nist(HYPOTHESES, FIRST), 3.479438483471313, 1e-12);
  assertAlmostEquals(nist(HYPOTHESES, FIRST, { lowercase: true }), 3.6293927071055214, 1e-12);
});

Deno.test("NIST is mteval's where there are several", () => {
  assertAlmostEquals(nist(HYPOTHESES, REFERENCES), 4.704058096779375, 1e-12);
  assertAlmostEquals(nist(HYPOTHESES, REFERENCES, { lowercase: true }), 4.846769276122568, 1e-12);
});

Deno.test("NIST of texts that share nothing with their references is 0, and so is that of no text", () => {
  assertEquals(nist(["x y z"], [["a b c"]]), 0);
  assertEquals(nist([""], [["a b c"]]), 0);
});

Deno.test("NIST halves where an output has two thirds of the words", () => {
  // Every word of the references tells log2(3) bits at the first place and none at later ones.
  assertAlmostEquals(nist(["a b"], [["a b c"]]), Math.log2(3) / 2, 1e-12);
});
