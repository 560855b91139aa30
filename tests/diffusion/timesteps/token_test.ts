import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../src/errors.ts";
import type { TimestepConfig } from "../../../src/diffusion/timesteps/scheme.ts";
import { roundHalfToEven, TokenTimesteps } from "../../../src/diffusion/timesteps/token.ts";
import { goldenSchedule } from "../golden_schedule.ts";

const PAPER: TimestepConfig = {
  steps: 2000,
  noise_schedule: "sqrt",
  anchor_scale: 2,
  anchor_distance: null,
  learned_schedule: null,
};

/** Timesteps of the paper, but for what is given. */
function timestepsOf(slots: number, given: Partial<TimestepConfig> = {}): TokenTimesteps {
  return new TokenTimesteps({ ...PAPER, ...given }, slots);
}

const paper = timestepsOf(54);

function indexOf(uniform: number, leftToRightShare: number | null, targetLength = 54): number {
  return paper.drawIndex(uniform, { leftToRightShare, targetLength });
}

Deno.test("TokenTimesteps reproduces the reference, ties included", () => {
  for (const golden of goldenSchedule().token_timesteps) {
    const { length, steps, anchor_scale } = golden;
    const timesteps = timestepsOf(length, { steps, anchor_scale });
    golden.sentence_timestep.forEach((sentenceTimestep, row) => {
      const actual = [...timesteps.at(sentenceTimestep)];
      assertEquals(actual, [...golden.token_timestep[row]!], `i = ${sentenceTimestep}`);
    });
  }
});

Deno.test("TokenTimesteps keeps left slots ahead and never rises as the index falls", () => {
  const moving = [1, 4, 53, 100].map((anchor_distance) => timestepsOf(54, { anchor_distance }));
  for (
    const timesteps of [paper, timestepsOf(54, { anchor_scale: 1 }), timestepsOf(1), ...moving]
  ) {
    let above = new Int32Array(timesteps.slots).fill(1999);
    assertEquals(timesteps.at(timesteps.count - 1), above);
    for (let i = timesteps.count - 1; i >= 0; i--) {
      const now = timesteps.at(i);
      assert(now.every((timestep, n) => timestep <= above[n]! && timestep >= (now[n - 1] ?? 0)));
      above = now;
    }
    assertEquals(above, new Int32Array(timesteps.slots));
  }
});

Deno.test("TokenTimesteps lets the anchor move with the start point", () => {
  const timesteps = timestepsOf(7, { steps: 2001, anchor_distance: 4 });
  const rows = [5, 3, 0].map((i) => [...timesteps.at(i)]);
  assertEquals(rows, [
    [0, 0, 500, 1000, 1500, 2000, 2000],
    [0, 0, 0, 0, 500, 1000, 1500],
    [0, 0, 0, 0, 0, 0, 0],
  ]);
  // Before the first slot has settled, the line rises from its timestep: 1200 at index 7 - 1 + 1200.
  assertEquals([...timesteps.at(1206)], [1200, 1400, 1600, 1800, 2000, 2000, 2000]);
});

Deno.test("TokenTimesteps.present() leaves out slots that have not started, where the anchor moves", () => {
  const timesteps = timestepsOf(7, { anchor_distance: 2 });
  const present = (index: number, waiting?: number) =>
    timesteps.present(timesteps.at(index), waiting);
  assertEquals([present(5), present(5, 1), present(5, 9)], [3, 4, 7]);
  assertEquals([present(0), present(timesteps.count - 1)], [7, 1]);
  assertEquals(paper.present(paper.at(2053)), 54);
});

Deno.test("TokenTimesteps refuses an anchor left of the last slot and indices out of range", () => {
  assertThrows(() => timestepsOf(54, { anchor_scale: 0.5 }), UserError, "0.5 times");
  assertThrows(() => timestepsOf(54, { anchor_scale: NaN }), UserError, "at least 1");
  assertThrows(() => timestepsOf(54, { anchor_distance: 0 }), UserError, "0 slots ahead");
  assertThrows(() => paper.at(2054), RangeError, "0..2053");
  assertThrows(() => paper.at(-1), RangeError);
});

Deno.test("TokenTimesteps.drawIndex() is uniform over all indices by default", () => {
  assertEquals(indexOf(0, null), 0);
  assertEquals(indexOf(1 - 2 ** -53, null), 2053);
});

Deno.test("TokenTimesteps.drawIndex() draws the wanted share from the left-to-right phase", () => {
  const draws = 100_000;
  const counts = new Int32Array(paper.count);
  for (let k = 0; k < draws; k++) {
    const index = indexOf((k + 0.5) / draws, 0.3);
    counts[index]! += 1;
  }
  assertEquals(counts[0], 0); // where all slots have settled
  const phase = counts.subarray(1, 53);
  assertAlmostEquals(phase.reduce((sum, count) => sum + count) / draws, 0.3, 1e-4);
  assert(phase.every((count) => Math.abs(count - 0.3 * draws / 52) <= 1));
  assert(counts.subarray(53).every((count) => Math.abs(count - 0.7 * draws / 2001) <= 1));
});

Deno.test("TokenTimesteps.drawIndex() leaves a token of the target to settle", () => {
  const drawn = Array.from(
    { length: 1000 },
    (_, k) => indexOf(k / 1000, 1, 10),
  );
  // Of 54 slots and 10 tokens: slots 0 to 53 - i are settled, at most the first 9 of them.
  assertEquals([Math.min(...drawn), Math.max(...drawn)], [45, 52]);
});

Deno.test("TokenTimesteps.drawIndex() stays in range at the ends of the interval", () => {
  for (const share of [0, 0.1, 0.7, 1]) {
    for (const uniform of [0, share - 2 ** -53, share, 1 - 2 ** -53]) {
      if (uniform < 0 || uniform >= 1) continue;
      const index = indexOf(uniform, share);
      assert(index >= 0 && index < 2054 && (index < 53) === (uniform < share));
    }
  }
});

Deno.test("TokenTimesteps.drawIndex() refuses a share where there is no such phase", () => {
  const draw = { leftToRightShare: 0.2, targetLength: 1 };
  assertThrows(() => timestepsOf(1).drawIndex(0.5, draw), UserError, "at least two slots");
  assertThrows(() => indexOf(0.5, 1.2), UserError, "from 0 to 1");
});

Deno.test("roundHalfToEven() sends ties to the even integer", () => {
  const ties = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map((value) => roundHalfToEven(value) + 0);
  assertEquals(ties, [-2, -2, 0, 0, 2, 2]);
  assertEquals([1.49, 1.51, -1.49, 7].map(roundHalfToEven), [1, 2, -1, 7]);
});
