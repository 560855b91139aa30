import { assertEquals, assertMatch } from "@std/assert";
import { scoreNotices } from "../../src/metrics/notices.ts";

/** The notices for outputs and one reference each. */
function notices(
  hypotheses: readonly string[],
  references: readonly string[],
  metrics: Parameters<typeof scoreNotices>[1] = ["bleu", "chrf", "ter", "rouge"],
  options: Parameters<typeof scoreNotices>[2] = {},
): string[] {
  const systems = [{ name: "a", hypotheses }];
  return scoreNotices({ systems, references: references.map((text) => [text]) }, metrics, options);
}

Deno.test("scoreNotices() is silent about usual texts", () => {
  assertEquals(notices(["A dog bit me.", "Hi."], ["A dog bit him.", "Hello."]), []);
  assertEquals(scoreNotices({ systems: [{ name: "a", hypotheses: ["x"] }] }, ["distinct"]), []);
});

Deno.test("scoreNotices() tells where ROUGE and BLEU see nothing of a script", () => {
  const [rouge, bleu, ...rest] = notices(["我喜欢吃苹果。"], ["我爱吃苹果。"]);
  assertMatch(rouge!, /^ROUGE sees only/);
  assertMatch(bleu!, /--tokenize "zh"/);
  assertEquals(rest, []);
  assertEquals(notices(["我"], ["我 x"], ["bleu"], { tokenize: "zh" }), []);
  assertEquals(notices(["Я пришёл."], ["Я здесь."]).length, 1);
  // Also where some words are Latin; but not of languages that have accents.
  const mixed = [["今天天气很好 ABC"], ["今天的天气很好 ABC"], ["rouge"]] as const;
  assertMatch(notices(...mixed)[0]!, /--rouge-tokenize "unicode"/);
  assertEquals(notices(...mixed, { rougeTokenize: "unicode" }), []);
  assertEquals(notices(["Ça va été !"], ["Où étais-tu, hé ?"], ["rouge"]), []);
});

Deno.test("scoreNotices() tells of split text, single segments and empty references", () => {
  const [split, ...none] = notices(["A dog .", "Hi ."], ["A dog.", "Hi."]);
  assertMatch(split!, /end in " \.".*not comparable/);
  assertEquals(none, []);
  assertMatch(notices(["A dog .", "Hi ."], ["A dog .", "Hi ."])[0]!, /outputs and references/);
  assertMatch(notices(["a"], ["b"], ["cider"])[0]!, /of one segment/);
  assertMatch(notices(["a", "b"], ["a", ""], ["chrf"])[0]!, /^1 reference is empty/);
});
