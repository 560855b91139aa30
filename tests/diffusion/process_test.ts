import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DiffusionProcess, PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";
import { UserError } from "../../src/errors.ts";

Deno.test("processOf() makes one process of a configuration", () => {
  assertEquals(processOf(PAPER_PROCESS) === processOf(PAPER_PROCESS), true);
  assertEquals(processOf({ ...PAPER_PROCESS }) === processOf(PAPER_PROCESS), false);
});

Deno.test("DiffusionProcess leaves slots out where the anchor moves", () => {
  assertEquals(processOf(PAPER_PROCESS).leavesSlotsOut, false);
  assertEquals(processOf({ ...PAPER_PROCESS, anchor_distance: 3 }).leavesSlotsOut, true);
});

Deno.test("DiffusionProcess.trainingTables() gives factors that keep the variance", () => {
  const process = processOf({ ...PAPER_PROCESS, steps: 200, noise_factor: 4 });
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
  const config = { ...PAPER_PROCESS, noise_schedule: "linear", steps: 20 } as const;
  assertThrows(() => new DiffusionProcess(config), UserError, "needs more than 20");
});
