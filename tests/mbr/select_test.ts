import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { select, supports } from "../../src/mbr/select.ts";
import type { SelectionMethod, UtilityName } from "../../src/mbr/names.ts";
import { utilities } from "../../src/mbr/utilities/mod.ts";
import { readOracle } from "./oracle.ts";
import { randomCandidates } from "./random_candidates.ts";

const names = Object.keys(utilities) as UtilityName[];
const methods: SelectionMethod[] = ["exact", "aggregate", "prune"];

for (const utility of names) {
  Deno.test(`select() makes the oracle's choices by "${utility}"`, () => {
    for (const { candidates, weights, ...expected } of readOracle().selections) {
      const selection = select(candidates, { utility, ...(weights && { weights }) });
      assertEquals(selection.index, expected[utility].index);
      for (const [i, value] of expected[utility].expectedUtility.entries()) {
        assertAlmostEquals(selection.expectedUtility[i]!, value, 1e-12);
      }
    }
  });

  Deno.test(`select() by "${utility}" chooses as without merging duplicates`, () => {
    for (let seed = 0; seed < 40; seed++) {
      const candidates = randomCandidates(seed, 12);
      const weights = seed % 2 === 0 ? undefined : candidates.map((_, i) => (i * 7 + seed) % 5 / 3);
      const { index, expectedUtility } = select(candidates, {
        utility,
        ...(weights && { weights }),
      });
      const naive = compareAll(utility, candidates, weights ?? candidates.map(() => 1));
      for (const [i, value] of naive.entries()) {
        assertAlmostEquals(expectedUtility[i]!, value, 1e-12);
      }
      const best = Math.max(...naive);
      assertEquals(index, naive.findIndex((value) => value >= best - 1e-12));
    }
  });
}

/** The expected utility of every candidate by comparing all pairs, each compiled on its own. */
function compareAll(
  name: UtilityName,
  candidates: readonly string[],
  weights: readonly number[],
): number[] {
  const out = new Float64Array(1), unused = new Float64Array(1);
  return candidates.map((h, i) => {
    let sum = 0, weight = 0;
    for (const [j, other] of candidates.entries()) {
      if (j === i) continue;
      const compiled = utilities[name].compile([h, other]);
      compiled.compare(0, Int32Array.of(1), out, unused);
      sum += weights[j]! * out[0]!;
      weight += weights[j]!;
    }
    return sum / weight;
  });
}

for (const method of methods) {
  for (const utility of names.filter((name) => supports(method, name))) {
    const of = (candidates: string[], weights?: number[]) =>
      select(candidates, { utility, method, ...(weights && { weights }) });

    Deno.test(`select() by "${utility}", "${method}" handles degenerate candidates`, () => {
      assertEquals(of(["only"]).index, 0);
      assertEquals(of(["only"]).expectedUtility[0], 1);
      assertEquals(of([""]), { index: 0, expectedUtility: Float64Array.of(0) });
      assertEquals(of(["", "", ""]).index, 0);
      const same = of(Array.from({ length: 30 }, () => "the same text"));
      assertEquals(same.index, 0);
      for (const value of same.expectedUtility) assertAlmostEquals(value, 1, 1e-12);
      const mixed = of(["", "the dog runs home", "the dog runs", "", "the dog runs away"]);
      assert(mixed.index !== 0 && mixed.index !== 3);
      assert(mixed.expectedUtility.every(Number.isFinite));
    });

    Deno.test(`select() by "${utility}", "${method}" prefers the consensus`, () => {
      const candidates = [
        "an apple fell",
        "the dog runs home",
        "the dog runs home now",
        "blue sky",
      ];
      assertEquals(candidates[of(candidates).index]!.slice(0, 17), "the dog runs home");
    });

    Deno.test(`select() by "${utility}", "${method}" follows the weights`, () => {
      const candidates = ["a dog runs", "a dog runs home", "blue sky", "the blue sky today"];
      assert(of(candidates, [1, 1, 0.01, 0.01]).index < 2);
      assert(of(candidates, [0.01, 0.01, 1, 1]).index >= 2);
      // All the evidence is one candidate: nothing speaks against it.
      assertEquals(of(candidates, [0, 0, 5, 0]).index, 2);
      assert(of(candidates, [1e-20, 1, 0, 0]).expectedUtility.every(Number.isFinite));
    });

    Deno.test(`select() by "${utility}", "${method}" is deterministic`, () => {
      const candidates = randomCandidates(3, 60);
      assertEquals(of(candidates), of(candidates));
    });
  }
}

for (const method of ["aggregate", "prune"] as const) {
  for (const utility of names.filter((name) => supports(method, name))) {
    Deno.test(`select() by "${utility}", "${method}" nearly always chooses as "exact"`, () => {
      let agreed = 0;
      for (let seed = 0; seed < 20; seed++) {
        const candidates = randomCandidates(seed, 80);
        const { index: best, expectedUtility } = select(candidates, { utility });
        const { index } = select(candidates, { utility, method });
        if (index === best) agreed++;
        assert(expectedUtility[best]! - expectedUtility[index]! < 0.02);
      }
      assert(agreed >= 17, `${agreed} of 20`);
    });
  }
}

Deno.test("select() refuses what it cannot do", () => {
  assertThrows(() => select([], { utility: "bleu" }), RangeError, "no candidates");
  assertThrows(() => select(["a"], { utility: "bleu", weights: [1, 2] }), RangeError, "2 weights");
  assertThrows(() => select(["a"], { utility: "rouge-l", method: "aggregate" }), RangeError);
  assertEquals(supports("aggregate", "rouge-l"), false);
  assertEquals(supports("aggregate", "bleu"), true);
});

Deno.test("select() chooses no empty text and no fragment beside whole ones", () => {
  for (const utility of ["bleu", "chrf", "rouge-l", "token-f1"] as const) {
    for (const empty of ["", " ", "."]) {
      const texts = [empty, "a cat sat", "a cat sits"];
      if (empty !== ".") assertEquals(select(texts, { utility }).index > 0, true, utility);
      const long = ["the", "a cat sat on the mat", "a dog sat on the mat", empty];
      assertEquals([1, 2].includes(select(long, { utility }).index), true, utility);
    }
    assertEquals(select(["", ""], { utility }).index, 0);
    assertEquals(select(["b", ""], { utility }).index, 0);
  }
});

Deno.test("select() compares scripts without spaces by characters", () => {
  const texts = ["再见", "你好世界", "你好世界吧", "你好世界啊"];
  for (const utility of ["bleu", "rouge-l", "token-f1"] as const) {
    assertEquals(select(texts, { utility }).index, 1, utility);
  }
});
