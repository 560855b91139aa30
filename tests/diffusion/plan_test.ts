import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { type SamplingPlan, samplingPlan, type SamplingRun } from "../../src/diffusion/plan.ts";
import { type DiffusionConfig, PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";
import { SAMPLERS, STEP_GRIDS } from "../../src/diffusion/names.ts";

const run: SamplingRun = {
  slots: 20,
  evaluations: 10,
  grid: "even",
  sampler: "posterior",
  eta: 0,
};

/** The paper's process and a short run, but for what is given. */
function planOf(given: Partial<SamplingRun> = {}, process: Partial<DiffusionConfig> = {}) {
  return samplingPlan(processOf({ ...PAPER_PROCESS, ...process }), { ...run, ...given });
}

/** The coefficients of one slot in one step. */
function coefficientsAt(plan: SamplingPlan, step: number, slot: number): number[] {
  const at = 4 * (step * plan.slots + slot);
  return [...plan.coefficients.subarray(at, at + 4)];
}

Deno.test("samplingPlan() lays out timesteps step by step", () => {
  const plan = planOf();
  assertEquals([...plan.sentenceTimesteps.subarray(0, 3)], [2019, 1817, 1615]);
  assertEquals([...plan.from.subarray(20, 23)], [1798, 1803, 1808]);
  assertEquals(plan.to.subarray(0, 180), plan.from.subarray(20));
  assertEquals(plan.timesteps[20], 899);
  assertEquals(planOf({}, { rescale_timesteps: false }).timesteps[20], 1798);
  assert(plan.inputScale.every((scale) => scale === 1));
});

Deno.test("samplingPlan() marks exactly the slots that do not move", () => {
  for (const grid of STEP_GRIDS) {
    for (const sampler of SAMPLERS) {
      const plan = planOf({ grid, sampler, evaluations: 40 });
      let resting = 0;
      for (let step = 0; step < 40; step++) {
        for (let slot = 0; slot < 20; slot++) {
          const at = step * 20 + slot;
          const rests = plan.from[at] === plan.to[at];
          assertEquals(plan.atRest[at], rests ? 1 : 0);
          const identity = coefficientsAt(plan, step, slot).join() === "1,0,0,0";
          assertEquals(identity, rests);
          resting += plan.atRest[at]!;
        }
      }
      if (grid === "movement") assert(resting > 0, "left slots settle before the last step");
    }
  }
});

Deno.test("samplingPlan() gives the multistep solver each slot's own previous timestep", () => {
  const plan = planOf({ sampler: "dpm++2m" });
  for (let slot = 0; slot < 20; slot++) {
    assertEquals(coefficientsAt(plan, 0, slot)[3], 0, "nothing precedes the first step");
    assert(coefficientsAt(plan, 5, slot)[3]! < 0, "later steps extrapolate");
    assertEquals(coefficientsAt(plan, 9, slot)[3], 0, "the last step is of first order");
  }
});

Deno.test("samplingPlan() rescales inputs and noise for a noise factor", () => {
  const [plain, noisy] = [1, 4].map((noise_factor) => planOf({}, { noise_factor }));
  assertAlmostEquals(noisy!.inputScale[0]!, 0.25, 1e-6);
  for (let step = 0; step < 9; step++) {
    const [z, x0, noise] = coefficientsAt(plain!, step, 7);
    const scaled = coefficientsAt(noisy!, step, 7);
    assertEquals(scaled.slice(0, 2), [z, x0]);
    assertAlmostEquals(scaled[2]!, 4 * noise!, 1e-5);
  }
});

Deno.test("samplingPlan() settles one token per evaluation in the autoregressive limit", () => {
  const plan = planOf({ evaluations: 20 }, { timesteps: "autoregressive" });
  for (let step = 0; step < 20; step++) {
    const moving = [...plan.atRest.subarray(step * 20, step * 20 + 20)].flatMap((rest, slot) =>
      rest ? [] : [slot]
    );
    assertEquals(moving, [step]);
  }
});

Deno.test("samplingPlan() refuses bad eta and step counts", () => {
  assertThrows(() => planOf({ eta: 1.5 }), UserError, "eta 1.5");
  assertThrows(() => planOf({ evaluations: 3000 }), UserError, "from 1 to 2020");
});
