import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { type DiffusionConfig, PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";
import { STEP_GRIDS, type StepGridKind } from "../../src/diffusion/names.ts";
import { goldenSchedule } from "./golden_schedule.ts";

const SLOTS = 54;
const paper = processOf(PAPER_PROCESS);

const mean = (values: Int32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("stepGrid() reproduces the reference's even grids", () => {
  for (const golden of goldenSchedule().skip_steps) {
    const process = processOf({ ...PAPER_PROCESS, steps: golden.steps });
    const grid = process.grid(golden.length, golden.evaluations, "even");
    assertEquals([...grid], [...golden.sentence_timestep]);
  }
});

Deno.test("stepGrid() always evaluates M times, strictly falling from the noisiest index", () => {
  const cases: { slots: number; given: Partial<DiffusionConfig> }[] = [
    { slots: SLOTS, given: {} },
    { slots: 7, given: { steps: 13 } },
    { slots: SLOTS, given: { timesteps: "sentence" } },
    { slots: SLOTS, given: { timesteps: "autoregressive" } },
  ];
  for (const kind of STEP_GRIDS) {
    for (const { slots, given } of cases) {
      const process = processOf({ ...PAPER_PROCESS, ...given });
      const { count } = process.timesteps(slots);
      for (const evaluations of [1, 2, 3, 7, 19, count - 1, count].filter((m) => m <= count)) {
        const grid = process.grid(slots, evaluations, kind);
        const label = `${kind}, ${process.config.timesteps}, M = ${evaluations}: ${grid}`;
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
  const grid = paper.grid(SLOTS, 20, "movement");
  const means = [...grid].map((i) => mean(paper.timesteps(SLOTS).at(i)));
  for (let k = 0; k < 20; k++) {
    assertAlmostEquals(means[k]! - means[k + 1]!, 1999 / 20, 20);
  }
});

Deno.test("stepGrid() visits the left-to-right phase on the movement grid, unlike the even one", () => {
  const visits = (kind: StepGridKind) =>
    paper.grid(SLOTS, 20, kind).subarray(0, 20).filter((i) => i < 53).length;
  assertEquals(visits("even"), 0);
  assertEquals(visits("movement"), 4);
});

Deno.test("stepGrid() changes the mean log-SNR equally on the log-snr grid", () => {
  for (const noise_factor of [1, 4]) {
    const process = processOf({ ...PAPER_PROCESS, timesteps: "sentence", noise_factor });
    const grid = process.grid(SLOTS, 20, "log-snr");
    const logSnr = [...grid].map((t) => {
      const abar = process.schedule.alphaBar[t]!;
      return Math.max(Math.log(abar / (noise_factor ** 2 * (1 - abar))), -6);
    });
    const step = (logSnr[20]! + 6) / 20;
    // Near t = 0 neighbouring timesteps are further apart than one step of the grid.
    for (let k = 0; k < 15; k++) assertAlmostEquals(logSnr[k + 1]! - logSnr[k]!, step, 0.1);
  }
});

Deno.test("stepGrid() starts slots a few at a time at the left on the left grid", () => {
  const moving = processOf({ ...PAPER_PROCESS, anchor_distance: 2, noise_factor: 20 });
  const strides = (kind: StepGridKind, evaluations: number) => {
    const grid = moving.grid(20, evaluations, kind);
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
      () => paper.grid(SLOTS, evaluations, "even"),
      UserError,
      `Cannot generate in ${evaluations} steps: expected an integer from 1 to 2054`,
    );
  }
});
