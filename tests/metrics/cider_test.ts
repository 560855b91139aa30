import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ciderStatistics, corpusCider } from "../../src/metrics/cider.ts";

Deno.test("corpusCider() of the references themselves is 10", () => {
  const texts = ["a cat sat on mats", "the dog ran off today"];
  assertAlmostEquals(corpusCider(texts, texts.map((text) => [text])), 10, 1e-9);
});

Deno.test("ciderStatistics() weights words by how few segments have them", () => {
  const references = [["one two three four"], ["one six seven eight"], ["one ten eleven twelve"]];
  const common = ciderStatistics(["one x x x", "", ""], references).row(0)[0]!;
  const rare = ciderStatistics(["two x x x", "", ""], references).row(0)[0]!;
  assertEquals(common, 0);
  assertEquals(rare > 0.1, true);
});

Deno.test("ciderStatistics() penalizes a difference in length", () => {
  const references = [["a b c d"], ["e f g h"]];
  const padded = ciderStatistics(["a b c d a b c d", "x"], references).row(0)[0]!;
  const exact = ciderStatistics(["a b c d", "x"], references).row(0)[0]!;
  assertEquals(padded < exact * Math.exp(-16 / 72) + 1e-9, true);
});

Deno.test("corpusCider() of one segment is 0, since nothing is rare", () => {
  assertEquals(corpusCider(["a b"], [["a b"]]), 0);
});
