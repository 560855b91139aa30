/** Published figures of BART on CommonGen (Lin et al., 2020), from the outputs they were made from. */
import { assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { corpusCider } from "../../src/metrics/cider.ts";
import { corpusCocoBleu } from "../../src/metrics/coco_bleu.ts";
import { conceptCoverage } from "../../src/metrics/coverage.ts";
import { corpusRouge } from "../../src/metrics/rouge.ts";
import { readLinesFixture } from "./fixtures.ts";

interface ConceptSet {
  source: string;
  references: string[];
  /** One, or one per reference where they differ. */
  outputs: string[];
}

const sets: ConceptSet[] = (await readLinesFixture("commongen_bart.jsonl"))
  .map((line) => JSON.parse(line));
const hypotheses = sets.map(({ outputs }) => outputs[0]!);
const references = sets.map(({ references }) => references);

Deno.test("corpusCocoBleu() reproduces BART's published BLEU on CommonGen", () => {
  const [bleu1, bleu2, bleu3, bleu4] = corpusCocoBleu(hypotheses, references).map((b) => 100 * b);
  assertAlmostEquals(bleu3!, 37.00, 0.05);
  assertAlmostEquals(bleu4!, 27.50, 0.05);
  // A recomputation to two decimals.
  assertAlmostEquals(bleu1!, 68.63, 0.005);
  assertAlmostEquals(bleu2!, 50.46, 0.005);
  assertAlmostEquals(bleu3!, 37.01, 0.005);
  assertAlmostEquals(bleu4!, 27.47, 0.005);
});

Deno.test("corpusCider() reproduces BART's published CIDEr on CommonGen", () => {
  assertAlmostEquals(10 * corpusCider(hypotheses, references), 14.12, 0.005);
});

Deno.test("corpusRouge() over all pairs comes close to ROUGE-1.5.5's published values", () => {
  const lines = sets.flatMap(({ references, outputs }) =>
    references.map((reference, k) => [outputs[k] ?? outputs[0]!, [reference]] as const)
  );
  const scores = corpusRouge(
    lines.map(([output]) => output),
    lines.map(([, reference]) => reference),
    { stem: true, references: "average" },
  );
  assertAlmostEquals(100 * scores.rouge2.f1, 21.90, 0.005);
  assertAlmostEquals(100 * scores.rougeL.f1, 42.68, 0.005);
  // Published with ROUGE-1.5.5, which stems irregular forms too: 22.13 and 43.02.
  assertAlmostEquals(100 * scores.rouge2.f1, 22.13, 0.25);
  assertAlmostEquals(100 * scores.rougeL.f1, 43.02, 0.35);
});

Deno.test("conceptCoverage() finds the concepts that people used on purpose", () => {
  // Every reference was written to use all concepts; what is missed is the stemmer's doing.
  const lines = sets.flatMap(({ source, references }) => references.map((r) => [r, source]));
  const { pooled, concepts } = conceptCoverage(
    lines.map(([reference]) => reference!),
    lines.map(([, source]) => source!),
  );
  assertEquals(concepts > 15_000, true);
  assertGreater(pooled, 0.999);
});

Deno.test("conceptCoverage() comes close to BART's published coverage by spaCy lemmas", () => {
  const { mean } = conceptCoverage(hypotheses, sets.map(({ source }) => source));
  assertAlmostEquals(100 * mean, 97.56, 0.75);
});
