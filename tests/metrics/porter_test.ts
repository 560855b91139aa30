import { assertEquals, assertGreater } from "@std/assert";
import { porterStem } from "../../src/metrics/porter.ts";
import { readJsonFixture } from "./fixtures.ts";

Deno.test("porterStem() agrees with NLTK", async () => {
  const recorded = await readJsonFixture<string[]>("stems.json");
  assertGreater(recorded.length, 3000);
  for (const line of recorded) {
    const [word, stem] = line.split(" ");
    assertEquals(`${word} ${porterStem(word!)}`, `${word} ${stem}`);
  }
});

Deno.test("porterStem() follows the examples of Porter's paper", () => {
  const examples = "caresses caress ponies poni cats cat feed feed agreed agre plastered plaster " +
    "motoring motor sing sing conflated conflat hopping hop falling fall filing file happy happi " +
    "relational relat vietnamization vietnam triplicate triplic hopeful hope adoption adopt " +
    "probate probat rate rate cease ceas controll control roll roll";
  for (const [, word, stem] of examples.matchAll(/(\S+) (\S+)/g)) {
    assertEquals(porterStem(word!), stem);
  }
});
