import { assert, assertEquals } from "@std/assert";
import { asSentence, conceptPairs, plainStatements } from "../../scripts/concept_pairs.ts";

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
    assert(concepts.length >= 3 && concepts.length <= 5, `${concepts}`);
    assert(
      concepts.every((concept) => ["dog", "catch", "ball", "park", "two", "the"].includes(concept)),
    );
    assertEquals(new Set(concepts).size, concepts.length);
  }
  assert(caught.some((concepts) => concepts.includes("park")), "a concept of another set");
  const own = walking.filter((concepts) => concepts.toSorted().join() === "dog,park,walk");
  assertEquals(new Set(own.map(String)).size, 6); // all orders
});

Deno.test("conceptPairs() leaves out sentences that the last slot would cut", () => {
  const long = Array.from({ length: 17 }, () => "dog").join(" ");
  assertEquals(conceptPairs([{ concepts: ["dog", "a", "b"], sentence: long }], 2), []);
});

Deno.test("conceptPairs() takes rare words for concepts in their base form, frequent ones only from sets", () => {
  const captions = Array.from({ length: 150 }, (_, i) => ({
    concepts: ["dog", "catch", "ball"],
    sentence: `A white dog caught ${i < 3 ? "newspapers in a" : "a"} ball.`,
  }));
  const pairs = conceptPairs(captions, 10);
  const asked = new Set(pairs.flatMap(({ concepts }) => concepts));
  assertEquals([...asked].sort(), ["ball", "catch", "dog", "newspapers"]);
  const papers = pairs.filter(({ concepts }) => concepts.includes("newspapers"));
  assert(papers.every(({ sentence }) => sentence.includes("newspapers")));
});

Deno.test("conceptPairs() asks for what statements use, a third as often", () => {
  const captions = [{ concepts: ["dog", "catch", "ball"], sentence: "A dog caught a ball." }];
  const statements = ["He reads newspapers.", "She caught the balls.", "Yes."];
  const pairs = conceptPairs(captions, 6, statements);
  assertEquals(pairs.filter(({ sentence }) => sentence === captions[0]!.sentence).length, 12);
  const setsOf = (sentence: string) =>
    pairs.filter((pair) => pair.sentence === sentence).map(({ concepts }) => concepts.toSorted());
  assertEquals(setsOf(statements[0]!), Array(2).fill(["newspapers", "reads"]));
  for (const concepts of setsOf(statements[1]!)) {
    assert(concepts.length >= 3, `${concepts}`);
    assert(concepts.every((concept) => ["she", "catch", "the", "ball"].includes(concept)));
  }
  assertEquals(setsOf("Yes."), []);
});

Deno.test("plainStatements() leaves out questions, figures, quotations and names", () => {
  const statements = ["He met Tom.", "I met him.", "She said Tom's here.", "The dog barks."];
  const others = ["Who met him?", "I have 3 dogs.", 'He said "yes".', "The dog barks."];
  assertEquals(plainStatements([...statements, ...others]), ["I met him.", "The dog barks."]);
});
