import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { NOISE_SCHEDULES } from "../../src/diffusion/names.ts";
import {
  alphaBarAt,
  inputScale,
  noiseSchedule,
  scaledTimestep,
} from "../../src/diffusion/noise_schedule.ts";
import { goldenSchedule } from "./golden_schedule.ts";

Deno.test("noiseSchedule() reproduces the reference's sqrt schedule", () => {
  for (const [steps, values] of Object.entries(goldenSchedule().sqrt_alpha_bar)) {
    const schedule = noiseSchedule("sqrt", Number(steps));
    for (const [timestep, expected] of Object.entries(values)) {
      const actual = alphaBarAt(schedule, Number(timestep));
      assertAlmostEquals(actual / expected, 1, 1e-12, `T = ${steps}, t = ${timestep}`);
    }
  }
});

Deno.test("noiseSchedule() computes linear and cosine as in improved DDPM", () => {
  const linear = noiseSchedule("linear", 1000);
  assertAlmostEquals(alphaBarAt(linear, 0), 1 - 1e-4, 1e-15);
  assertAlmostEquals(alphaBarAt(linear, 1), (1 - 1e-4) * (1 - 1e-4 - 0.0199 / 999), 1e-15);
  assertAlmostEquals(alphaBarAt(linear, 999) / 4.035829765375676e-5, 1, 1e-10);
  assertAlmostEquals(alphaBarAt(noiseSchedule("linear", 2000), 0), 1 - 5e-5, 1e-15);

  const cosine = noiseSchedule("cosine", 100);
  const at = (u: number) => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2;
  assertAlmostEquals(alphaBarAt(cosine, 49), at(0.5) / at(0), 1e-12);
  // The last step would leave nothing; beta is held at 0.999.
  assertAlmostEquals(alphaBarAt(cosine, 99) / alphaBarAt(cosine, 98), 0.001, 1e-12);
});

Deno.test("noiseSchedule() falls strictly and stays above zero", () => {
  for (const name of NOISE_SCHEDULES) {
    for (const steps of [21, 50, 2000]) {
      const { alphaBar } = noiseSchedule(name, steps);
      let above = 1;
      for (const value of alphaBar) {
        assert(value > 0 && value < above, `${name}, T = ${steps}`);
        above = value;
      }
    }
  }
  assertEquals(noiseSchedule("sqrt", 1).alphaBar.length, 1);
});

Deno.test("noiseSchedule() refuses step counts it cannot serve", () => {
  assertThrows(() => noiseSchedule("sqrt", 0), UserError, "noise schedule of 0 steps");
  assertThrows(() => noiseSchedule("sqrt", 2.5), UserError, "positive integer");
  assertThrows(() => noiseSchedule("linear", 20), UserError, "more than 20");
});

Deno.test("alphaBarAt() throws outside the schedule", () => {
  assertThrows(() => alphaBarAt(noiseSchedule("sqrt", 10), 10), RangeError, "0..9");
  assertThrows(() => alphaBarAt(noiseSchedule("sqrt", 10), -1), RangeError, "0..9");
});

Deno.test("inputScale() is exactly 1 without a noise factor and gives unit variance with one", () => {
  const schedule = noiseSchedule("sqrt", 2000);
  for (const timestep of [0, 1, 77, 1999]) {
    assertEquals(inputScale(schedule, timestep, 1), 1);
    const abar = alphaBarAt(schedule, timestep);
    const variance = abar + 16 * (1 - abar);
    assertAlmostEquals(inputScale(schedule, timestep, 4) ** 2 * variance, 1, 1e-12);
  }
});

Deno.test("scaledTimestep() rounds as float32 tensor arithmetic does", () => {
  assertEquals(scaledTimestep(1999, 2000, true), 999.5);
  assertEquals(scaledTimestep(1999, 2000, false), 1999);
  // torch: torch.tensor(1400.0) * (1000.0 / 1500); one rounding only would give 933.33331298828125.
  assertEquals(scaledTimestep(1400, 1500, true), 933.3333740234375);
});
