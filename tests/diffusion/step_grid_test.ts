import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { noiseSchedule } from "../../src/diffusion/noise_schedule.ts";
import { STEP_GRIDS, stepGrid, type StepGridOptions } from "../../src/diffusion/step_grid.ts";
import {
  sentenceTimestepCount,
  type TimestepGeometry,
  tokenTimesteps,
} from "../../src/diffusion/token_timesteps.ts";
import { goldenSchedule } from "./golden_schedule.ts";

const schedule = noiseSchedule("sqrt", 2000);
const geometry: TimestepGeometry = { kind: "token", slots: 54, steps: 2000, anchorScale: 2 };
const paper: StepGridOptions = {
  kind: "even",
  evaluations: 20,
  geometry,
  schedule,
  noiseFactor: 1,
};

const mean = (values: Int32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("stepGrid() reproduces the reference's even grids", () => {
  for (const golden of goldenSchedule().skip_steps) {
    const grid = stepGrid({
      ...paper,
      evaluations: golden.evaluations,
      geometry: { ...geometry, slots: golden.length, steps: golden.steps },
    });
    assertEquals([...grid], [...golden.sentence_timestep]);
  }
});

Deno.test("stepGrid() always evaluates M times, strictly falling from the noisiest index", () => {
  const geometries: TimestepGeometry[] = [
    geometry,
    { ...geometry, slots: 7, steps: 13 },
    { ...geometry, kind: "sentence" },
    { ...geometry, kind: "autoregressive" },
  ];
  for (const kind of STEP_GRIDS) {
    for (const geometry of geometries) {
      const count = sentenceTimestepCount(geometry);
      const options = { ...paper, kind, geometry, schedule: noiseSchedule("sqrt", geometry.steps) };
      for (const evaluations of [1, 2, 3, 7, 19, count - 1, count].filter((m) => m <= count)) {
        const grid = stepGrid({ ...options, evaluations });
        const label = `${kind}, ${geometry.kind}, M = ${evaluations}: ${grid}`;
        assertEquals(grid.length, evaluations + 1, label);
        assertEquals([grid[0], grid.at(-1)], [count - 1, 0], label);
        const evaluated = grid.subarray(0, evaluations);
        assert(evaluated.every((i, k) => k === 0 || i < evaluated[k - 1]!), label);
        if (evaluations < count) assert(evaluated.at(-1)! > 0, label);
      }
    }
  }
});

Deno.test("stepGrid() moves the mean token timestep equally on the movement grid", () => {
  const grid = stepGrid({ ...paper, kind: "movement" });
  const means = [...grid].map((i) => mean(tokenTimesteps(geometry, i)));
  for (let k = 0; k < 20; k++) {
    assertAlmostEquals(means[k]! - means[k + 1]!, 1999 / 20, 20);
  }
});

Deno.test("stepGrid() visits the left-to-right phase on the movement grid, unlike the even one", () => {
  const visits = (kind: StepGridOptions["kind"]) =>
    stepGrid({ ...paper, kind }).subarray(0, 20).filter((i) => i < 53).length;
  assertEquals(visits("even"), 0);
  assertEquals(visits("movement"), 4);
});

Deno.test("stepGrid() changes the mean log-SNR equally on the log-snr grid", () => {
  const sentence: TimestepGeometry = { ...geometry, kind: "sentence" };
  for (const noiseFactor of [1, 4]) {
    const grid = stepGrid({ ...paper, kind: "log-snr", geometry: sentence, noiseFactor });
    const logSnr = [...grid].map((t) => {
      const abar = schedule.alphaBar[t]!;
      return Math.max(Math.log(abar / (noiseFactor ** 2 * (1 - abar))), -6);
    });
    const step = (logSnr[20]! + 6) / 20;
    // Near t = 0 neighbouring timesteps are further apart than one step of the grid.
    for (let k = 0; k < 15; k++) assertAlmostEquals(logSnr[k + 1]! - logSnr[k]!, step, 0.1);
  }
});

Deno.test("stepGrid() starts slots a few at a time at the left on the left grid", () => {
  const moving: TimestepGeometry = { ...geometry, slots: 20, anchorDistance: 2 };
  const strides = (kind: StepGridOptions["kind"], evaluations: number) => {
    const grid = stepGrid({ ...paper, kind, geometry: moving, evaluations, noiseFactor: 20 });
    const settled = [...grid].map((i) => Math.max(20 - i, 0));
    return settled.slice(1).map((count, k) => count - settled[k]!);
  };
  const left = strides("left", 5);
  assertEquals(left.reduce((sum, stride) => sum + stride), 20);
  assertEquals(left, left.toSorted((a, b) => a - b));
  assert(left[0]! < strides("log-snr", 5)[0]! && left[4]! > 4, `${left}`);
  // With a call for every slot, but for the last few they start one at a time.
  assertEquals(strides("left", 20).filter((stride) => stride > 1).length, 1);
});

Deno.test("stepGrid() refuses numbers of evaluations that do not fit", () => {
  for (const evaluations of [0, -1, 2.5, NaN, 2055]) {
    assertThrows(
      () => stepGrid({ ...paper, evaluations }),
      UserError,
      `Cannot generate in ${evaluations} steps: expected an integer from 1 to 2054`,
    );
  }
});
