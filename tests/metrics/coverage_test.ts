import { assertEquals, assertThrows } from "@std/assert";
import { conceptCoverage, conceptsOf, coveredConcepts } from "../../src/metrics/coverage.ts";
import { IRREGULAR_FORMS } from "../../src/metrics/irregular_forms.ts";

Deno.test("coveredConcepts() finds inflected forms, regular and irregular", () => {
  const concepts = ["throw", "frisbee", "child", "stand", "leaf"];
  const text = "Two CHILDREN stood, throwing frisbees; one threw leaves.";
  assertEquals(coveredConcepts(concepts, text), concepts);
});

Deno.test("coveredConcepts() is not content with parts of words", () => {
  assertEquals(coveredConcepts(["cat", "run"], "a catalogue of prunes"), []);
});

Deno.test("conceptsOf() takes each concept once", () => {
  assertEquals(conceptsOf(" dog  Run dog"), ["dog", "run"]);
});

Deno.test("conceptCoverage() averages over sources and pools concepts", () => {
  const { mean, pooled, found, concepts } = conceptCoverage(
    ["a dog runs", "nothing", "any"],
    ["dog run catch throw", "sit", ""],
  );
  assertEquals([mean, pooled, found, concepts], [(0.5 + 0) / 2, 2 / 5, 2, 5]);
  assertThrows(() => conceptCoverage(["a"], []), RangeError, "0 sources");
});

Deno.test("IRREGULAR_FORMS has lower-case words, none its own lemma", () => {
  for (const [form, lemma] of IRREGULAR_FORMS) {
    assertEquals(/^[a-z]+ [a-z]+$/.test(`${form} ${lemma}`), true);
    assertEquals(form === lemma, false);
  }
  assertEquals(IRREGULAR_FORMS.get("stood"), "stand");
});
