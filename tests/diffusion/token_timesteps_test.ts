import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import {
  presentSlots,
  roundHalfToEven,
  sampleSentenceTimestep,
  sentenceTimestepCount,
  type TimestepGeometry,
  tokenTimesteps,
} from "../../src/diffusion/token_timesteps.ts";
import { goldenSchedule } from "./golden_schedule.ts";

const paper: TimestepGeometry = { kind: "token", slots: 54, steps: 2000, anchorScale: 2 };

Deno.test("tokenTimesteps() reproduces the reference, ties included", () => {
  for (const golden of goldenSchedule().token_timesteps) {
    const geometry: TimestepGeometry = {
      kind: "token",
      slots: golden.length,
      steps: golden.steps,
      anchorScale: golden.anchor_scale,
    };
    golden.sentence_timestep.forEach((sentenceTimestep, row) => {
      const actual = [...tokenTimesteps(geometry, sentenceTimestep)];
      assertEquals(actual, [...golden.token_timestep[row]!], `i = ${sentenceTimestep}`);
    });
  }
});

Deno.test("tokenTimesteps() keeps left slots ahead and never rises as the index falls", () => {
  const moving = [1, 4, 53, 100].map((anchorDistance) => ({ ...paper, anchorDistance }));
  for (const geometry of [paper, { ...paper, anchorScale: 1 }, { ...paper, slots: 1 }, ...moving]) {
    let above = new Int32Array(geometry.slots).fill(geometry.steps - 1);
    assertEquals(tokenTimesteps(geometry, sentenceTimestepCount(geometry) - 1), above);
    for (let i = sentenceTimestepCount(geometry) - 1; i >= 0; i--) {
      const now = tokenTimesteps(geometry, i);
      assert(now.every((timestep, n) => timestep <= above[n]! && timestep >= (now[n - 1] ?? 0)));
      above = now;
    }
    assertEquals(above, new Int32Array(geometry.slots));
  }
});

Deno.test("tokenTimesteps() lets the anchor move with the start point", () => {
  const geometry: TimestepGeometry = { ...paper, slots: 7, steps: 2001, anchorDistance: 4 };
  const rows = [5, 3, 0].map((i) => [...tokenTimesteps(geometry, i)]);
  assertEquals(rows, [
    [0, 0, 500, 1000, 1500, 2000, 2000],
    [0, 0, 0, 0, 500, 1000, 1500],
    [0, 0, 0, 0, 0, 0, 0],
  ]);
  // Before the first slot has settled, the line rises from its timestep: 1200 at index 7 - 1 + 1200.
  assertEquals([...tokenTimesteps(geometry, 1206)], [1200, 1400, 1600, 1800, 2000, 2000, 2000]);
});

Deno.test("presentSlots() leaves out slots that have not started, where the anchor moves", () => {
  const geometry: TimestepGeometry = { ...paper, slots: 7, anchorDistance: 2 };
  const present = (index: number, waiting?: number) =>
    presentSlots(geometry, tokenTimesteps(geometry, index), waiting);
  assertEquals([present(5), present(5, 1), present(5, 9)], [3, 4, 7]);
  assertEquals([present(0), present(sentenceTimestepCount(geometry) - 1)], [7, 1]);
  assertEquals(presentSlots(paper, tokenTimesteps(paper, 2053)), 54);
});

Deno.test("tokenTimesteps() gives every slot the same timestep at sentence level", () => {
  const geometry: TimestepGeometry = { ...paper, kind: "sentence", slots: 3 };
  assertEquals(sentenceTimestepCount(geometry), 2000);
  assertEquals([...tokenTimesteps(geometry, 1234)], [1234, 1234, 1234]);
});

Deno.test("tokenTimesteps() settles one slot per index in the autoregressive limit", () => {
  const geometry: TimestepGeometry = { ...paper, kind: "autoregressive", slots: 3, steps: 10 };
  assertEquals(sentenceTimestepCount(geometry), 4);
  const rows = [3, 2, 1, 0].map((i) => [...tokenTimesteps(geometry, i)]);
  assertEquals(rows, [[9, 9, 9], [0, 9, 9], [0, 0, 9], [0, 0, 0]]);
});

Deno.test("tokenTimesteps() refuses an anchor left of the last slot and indices out of range", () => {
  assertThrows(() => tokenTimesteps({ ...paper, anchorScale: 0.5 }, 3), UserError, "0.5 times");
  assertThrows(() => tokenTimesteps({ ...paper, anchorScale: NaN }, 3), UserError, "at least 1");
  assertThrows(
    () => tokenTimesteps({ ...paper, anchorDistance: 0 }, 3),
    UserError,
    "0 slots ahead",
  );
  assertThrows(() => tokenTimesteps(paper, 2054), RangeError, "0..2053");
  assertThrows(() => tokenTimesteps(paper, -1), RangeError);
});

Deno.test("sampleSentenceTimestep() is uniform over all indices by default", () => {
  assertEquals(sampleSentenceTimestep(paper, 0, null), 0);
  assertEquals(sampleSentenceTimestep(paper, 1 - 2 ** -53, null), 2053);
  assertEquals(sampleSentenceTimestep({ ...paper, kind: "sentence" }, 0.5, null), 1000);
});

Deno.test("sampleSentenceTimestep() draws the wanted share from the left-to-right phase", () => {
  const draws = 100_000;
  const counts = new Int32Array(sentenceTimestepCount(paper));
  for (let k = 0; k < draws; k++) {
    const index = sampleSentenceTimestep(paper, (k + 0.5) / draws, 0.3);
    counts[index]! += 1;
  }
  assertEquals(counts[0], 0); // where all slots have settled
  const phase = counts.subarray(1, 53);
  assertAlmostEquals(phase.reduce((sum, count) => sum + count) / draws, 0.3, 1e-4);
  assert(phase.every((count) => Math.abs(count - 0.3 * draws / 52) <= 1));
  assert(counts.subarray(53).every((count) => Math.abs(count - 0.7 * draws / 2001) <= 1));
});

Deno.test("sampleSentenceTimestep() leaves a token of the target to settle", () => {
  const drawn = Array.from(
    { length: 1000 },
    (_, k) => sampleSentenceTimestep(paper, k / 1000, 1, 10),
  );
  // Of 54 slots and 10 tokens: slots 0 to 53 - i are settled, at most the first 9 of them.
  assertEquals([Math.min(...drawn), Math.max(...drawn)], [45, 52]);
});

Deno.test("sampleSentenceTimestep() stays in range at the ends of the interval", () => {
  for (const share of [0, 0.1, 0.7, 1]) {
    for (const uniform of [0, share - 2 ** -53, share, 1 - 2 ** -53]) {
      if (uniform < 0 || uniform >= 1) continue;
      const index = sampleSentenceTimestep(paper, uniform, share);
      assert(index >= 0 && index < 2054 && (index < 53) === (uniform < share));
    }
  }
});

Deno.test("sampleSentenceTimestep() refuses a share where there is no such phase", () => {
  const sentence: TimestepGeometry = { ...paper, kind: "sentence" };
  assertThrows(() => sampleSentenceTimestep(sentence, 0.5, 0.2), UserError, "token-level");
  assertThrows(() => sampleSentenceTimestep(paper, 0.5, 1.2), UserError, "from 0 to 1");
});

Deno.test("roundHalfToEven() sends ties to the even integer", () => {
  const ties = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map((value) => roundHalfToEven(value) + 0);
  assertEquals(ties, [-2, -2, 0, 0, 2, 2]);
  assertEquals([1.49, 1.51, -1.49, 7].map(roundHalfToEven), [1, 2, -1, 7]);
});
