import { assert, assertEquals } from "@std/assert";
import { asSentence, conceptPairs } from "../../scripts/concept_pairs.ts";

Deno.test("asSentence() joins punctuation, and gives a capital and a stop", () => {
  assertEquals(asSentence("dogs run , but do n't stop ."), "Dogs run, but don't stop.");
  assertEquals(asSentence("a man 's dog  runs"), "A man's dog runs.");
  assertEquals(asSentence("Is it?"), "Is it?");
});

Deno.test("conceptPairs() asks for other concepts that the sentence uses, in any form", () => {
  const captions = [
    { concepts: ["dog", "catch", "ball"], sentence: "a dog caught two balls in the park" },
    { concepts: ["park", "dog", "walk"], sentence: "The dogs are walking in a park." },
  ];
  const pairs = conceptPairs(captions, 40);
  assertEquals(pairs, conceptPairs(captions, 40));
  const setsOf = (sentence: string) =>
    pairs.filter((pair) => pair.sentence === sentence).map(({ concepts }) => concepts);
  const caught = setsOf("A dog caught two balls in the park.");
  const walking = setsOf("The dogs are walking in a park.");
  assertEquals([caught.length, walking.length], [40, 80]); // whole sentences are written twice
  for (const concepts of caught) {
    assert(concepts.length >= 3 && concepts.length <= 4, `${concepts}`);
    assert(concepts.every((concept) => ["dog", "catch", "ball", "park"].includes(concept)));
    assertEquals(new Set(concepts).size, concepts.length);
  }
  assert(caught.some((concepts) => concepts.includes("park")), "a concept of another set");
  assert(new Set(walking.map(String)).size === 6, "all orders");
});

Deno.test("conceptPairs() leaves out sentences that the last slot would cut", () => {
  const long = Array.from({ length: 17 }, () => "dog").join(" ");
  assertEquals(conceptPairs([{ concepts: ["dog", "a", "b"], sentence: long }], 2), []);
});
