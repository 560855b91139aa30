import { assert, assertEquals } from "@std/assert";
import { holePairs, shareOf, upTo } from "../../scripts/paragraph_pairs.ts";
import { fillHole, holeSource, parseTemplate } from "../../src/text/holes.ts";

const TEXTS = [
  { source: "I am hungry tomorrow.", text: "J'ai faim, je crois, demain." },
  { source: "", text: "A man walks his dog in the park every day of the week" },
  { source: "", text: "..." },
  { source: "", text: "a __ b" },
];

Deno.test("holePairs() leaves out whole words, and what it leaves out fills the hole", () => {
  const pairs = holePairs(TEXTS, upTo(4), 50);
  assertEquals(pairs.length, 100);
  assertEquals(pairs, holePairs(TEXTS, upTo(4), 50));
  const lengths = new Set<number>();
  for (const [i, { source, target }] of pairs.entries()) {
    const { text, source: from } = TEXTS[i % 2]!;
    const template = source.replace(/^.*\|\|\| /, "");
    assertEquals(source.startsWith(`${from} |||`), from !== "");
    const spaced = (text: string) => text.replaceAll(/\s|_/g, "");
    const { left, right } = parseTemplate(template)!;
    assertEquals(spaced(fillHole({ left, right }, target)), spaced(text));
    assert(/^[\p{L}\p{N}]/u.test(target) && /[\p{L}\p{N}]$/u.test(target), target);
    lengths.add(target.split(" ").length);
  }
  assertEquals([...lengths].sort(), [1, 2, 3, 4]);
});

Deno.test("holePairs() leaves out a share of the words, at least one", () => {
  const [short, long] = holePairs(TEXTS, shareOf(0.3), 1);
  assertEquals(short!.target.split(" ").length, 1);
  assertEquals(long!.target.split(" ").length, 3); // of 13 words
});

Deno.test("parseTemplate() finds the only hole, and holeSource() gives it space", () => {
  assertEquals(parseTemplate("J'ai ____ demain."), { left: "J'ai ", right: " demain." });
  assertEquals(parseTemplate("J'ai faim."), undefined);
  assertEquals(parseTemplate("___ ai ___."), undefined);
  assertEquals(
    holeSource("I am hungry.", { left: "J'ai", right: "." }),
    "I am hungry. ||| J'ai ___ .",
  );
  assertEquals(holeSource(" ", { left: "", right: " a dog" }), "___ a dog");
});
