import { assert, assertEquals } from "@std/assert";
import { holePairs, shareOf, upTo } from "../../scripts/paragraph_pairs.ts";
import {
  fillHoles,
  hasAdjacentHoles,
  holeSource,
  holeTarget,
  parseTemplate,
} from "../../src/text/holes.ts";

const TEXTS = [
  { source: "I am hungry tomorrow.", text: "J'ai faim, je crois, demain." },
  { source: "", text: "A man walks his dog in the park every day of the week" },
  { source: "", text: "..." },
  { source: "", text: "a __ b" },
];

const PLAIN = { copies: 1, holes: 1 };

/** What stands between pairs of marks in a target. */
function fillsOf(target: string): string[] {
  return target.split("___").filter((_, i) => i % 2 === 1).map((fill) => fill.trim());
}

Deno.test("holePairs() leaves out whole words, and what it leaves out fills the holes", () => {
  for (const holes of [1, 3]) {
    const options = { copies: 50, holes };
    const pairs = holePairs(TEXTS, upTo(4), options);
    assertEquals(pairs.length, 100);
    assertEquals(pairs, holePairs(TEXTS, upTo(4), options));
    const [lengths, counts] = [new Set<number>(), new Set<number>()];
    for (const [i, { source, target }] of pairs.entries()) {
      const { text, source: from } = TEXTS[i % 2]!;
      assertEquals(source.startsWith(`${from} |||`), from !== "");
      const spaced = (text: string) => text.replaceAll(/\s|_/g, "");
      const template = parseTemplate(source.replace(/^.*\|\|\| /, ""))!;
      const fills = fillsOf(target);
      assertEquals(fills.length, template.texts.length - 1);
      assertEquals(spaced(fillHoles(template, fills)), spaced(text));
      assertEquals(holeTarget(template, fills), target);
      assert(!hasAdjacentHoles(template));
      counts.add(fills.length);
      for (const fill of fills) {
        assert(/^[\p{L}\p{N}]/u.test(fill) && /[\p{L}\p{N}]$/u.test(fill), fill);
        lengths.add(fill.split(" ").length);
      }
    }
    assertEquals([...lengths].sort(), [1, 2, 3, 4]);
    assertEquals([...counts].sort(), holes === 1 ? [1] : [1, 2, 3]);
  }
});

Deno.test("holePairs() leaves out a share of the words, at least one", () => {
  const [short, long] = holePairs(TEXTS, shareOf(0.3), PLAIN);
  assertEquals(fillsOf(short!.target)[0]!.split(" ").length, 1);
  assertEquals(fillsOf(long!.target)[0]!.split(" ").length, 3); // of 13 words
});

Deno.test("parseTemplate() finds the holes, and holeSource() gives them space", () => {
  assertEquals(parseTemplate("J'ai ____ demain."), { texts: ["J'ai ", " demain."] });
  assertEquals(parseTemplate("J'ai faim."), undefined);
  assertEquals(parseTemplate("___ ai ___."), { texts: ["", " ai ", "."] });
  assertEquals(
    holeSource("I am hungry.", { texts: ["J'ai", " demain ", "."] }),
    "I am hungry. ||| J'ai ___ demain ___ .",
  );
  assertEquals(
    holeTarget({ texts: ["J'ai", " demain ", "."] }, ["faim", "matin"]),
    "J'ai ___ faim ___ demain ___ matin",
  );
  assertEquals(holeSource(" ", { texts: ["", " a dog"] }), "___ a dog");
});
