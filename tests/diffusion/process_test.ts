import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DiffusionProcess, processOf } from "../../src/diffusion/process.ts";
import { UserError } from "../../src/errors.ts";
import { PAPER } from "./paper_process.ts";

Deno.test("processOf() makes one process of a configuration", () => {
  assertEquals(processOf(PAPER) === processOf(PAPER), true);
  assertEquals(processOf({ ...PAPER }) === processOf(PAPER), false);
});

Deno.test("DiffusionProcess leaves slots out where the anchor moves", () => {
  assertEquals(processOf(PAPER).leavesSlotsOut, false);
  assertEquals(processOf({ ...PAPER, anchor_distance: 3 }).leavesSlotsOut, true);
});

Deno.test("DiffusionProcess.trainingTables() gives factors that keep the variance", () => {
  const process = processOf({ ...PAPER, steps: 200, noise_factor: 4 });
  const { schedule, embeddingNoise, priorScale } = process.trainingTables();
  assertEquals(schedule.length, 800);
  for (const timestep of [0, 77, 199]) {
    const [scaled, x0, noise, input] = schedule.subarray(4 * timestep, 4 * timestep + 4);
    assertEquals(scaled, 5 * timestep);
    assertAlmostEquals(x0! ** 2 + (noise! / 4) ** 2, 1, 1e-6);
    assertAlmostEquals(input! ** 2 * (x0! ** 2 + noise! ** 2), 1, 1e-6);
  }
  assertAlmostEquals(embeddingNoise ** 2 + schedule[1]! ** 2, 1, 1e-6);
  assertAlmostEquals(priorScale, schedule[4 * 199 + 1]!, 1e-6);
});

Deno.test("DiffusionProcess refuses a noise schedule that cannot be built", () => {
  const config = { ...PAPER, noise_schedule: "linear", steps: 20 } as const;
  assertThrows(() => new DiffusionProcess(config), UserError, "needs more than 20");
});
