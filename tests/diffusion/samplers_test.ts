import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { alphaBarAt, noiseSchedule } from "../../src/diffusion/noise_schedule.ts";
import { SAMPLERS } from "../../src/diffusion/names.ts";
import { type Move, type SamplerOptions, stepCoefficients } from "../../src/diffusion/samplers.ts";

const schedule = noiseSchedule("sqrt", 2000);
const abar = (timestep: number) => alphaBarAt(schedule, timestep);
const moves: Move[] = [
  { previous: null, from: 1999, to: 1900 },
  { previous: 1500, from: 1200, to: 700 },
  { previous: 700, from: 101, to: 100 },
  { previous: 1800, from: 1, to: 0 },
];
const posterior: SamplerOptions = { sampler: "posterior", eta: 0, noiseFactor: 1 };
const ddim: SamplerOptions = { sampler: "ddim", eta: 0, noiseFactor: 1 };
const multistep: SamplerOptions = { sampler: "dpm++2m", eta: 0, noiseFactor: 1 };

function assertClose(actual: object, expected: object) {
  for (const [name, value] of Object.entries(expected)) {
    const got = (actual as Record<string, number>)[name]!;
    assertAlmostEquals(got, value, 1e-9 * Math.max(1, Math.abs(value)), name);
  }
}

Deno.test("stepCoefficients() leaves a slot at rest exactly alone", () => {
  for (const sampler of SAMPLERS) {
    for (const timestep of [0, 1, 1234, 1999]) {
      const move = { previous: 1999, from: timestep, to: timestep };
      const coefficients = stepCoefficients(schedule, move, { sampler, eta: 1, noiseFactor: 4 });
      assertEquals(coefficients, { z: 1, x0: 0, noise: 0, previousX0: 0 });
    }
  }
});

Deno.test("stepCoefficients() adds no noise on arrival at timestep 0", () => {
  for (const sampler of SAMPLERS) {
    const move = { previous: 300, from: 200, to: 0 };
    const { noise } = stepCoefficients(schedule, move, { sampler, eta: 1, noiseFactor: 4 });
    assertEquals(noise, 0);
  }
});

// The marginal of the forward process, z_t ~ N(sqrt(abar) x0, F^2 (1 - abar)), must be preserved by
// a step with the true x0: mean and variance of the result have closed forms.
Deno.test("stepCoefficients() preserves the forward process's marginals for any noise factor", () => {
  const stochastic: SamplerOptions[] = [posterior, { ...ddim, eta: 1 }, { ...ddim, eta: 0.4 }];
  for (const noiseFactor of [1, 4, 0.5]) {
    for (const options of [...stochastic, ddim, multistep]) {
      for (const move of moves) {
        const c = stepCoefficients(schedule, move, { ...options, noiseFactor });
        const mean = c.z * Math.sqrt(abar(move.from)) + c.x0 + c.previousX0;
        assertAlmostEquals(mean, Math.sqrt(abar(move.to)), 1e-12);
        if (move.to === 0) continue;
        const variance = (c.z * noiseFactor) ** 2 * (1 - abar(move.from)) + c.noise ** 2;
        assertAlmostEquals(variance / (noiseFactor ** 2 * (1 - abar(move.to))), 1, 1e-9);
      }
    }
  }
});

// z_to and z_from are jointly Gaussian given x0; the posterior's coefficients are the regression of
// one on the other. Cov(z_to, z_from) = sqrt(a/b) F^2 (1-b).
Deno.test("stepCoefficients() regresses z_to on z_from in the posterior", () => {
  for (const noiseFactor of [1, 4]) {
    for (const move of moves) {
      const [a, b] = [abar(move.from), abar(move.to)];
      const covariance = Math.sqrt(a / b) * noiseFactor ** 2 * (1 - b);
      const slope = covariance / (noiseFactor ** 2 * (1 - a));
      const residual = noiseFactor ** 2 * (1 - b) - slope * covariance;
      assertClose(stepCoefficients(schedule, move, { ...posterior, noiseFactor }), {
        z: slope,
        x0: Math.sqrt(b) - slope * Math.sqrt(a),
        noise: move.to === 0 ? 0 : Math.sqrt(residual),
        previousX0: 0,
      });
    }
  }
});

Deno.test("stepCoefficients() makes DDIM with eta 1 the posterior", () => {
  for (const move of moves) {
    const expected = stepCoefficients(schedule, move, { ...posterior, noiseFactor: 4 });
    assertClose(
      stepCoefficients(schedule, move, { ...ddim, eta: 1, noiseFactor: 4 }),
      expected,
    );
  }
});

Deno.test("stepCoefficients() keeps DDIM with eta 0 on the line through z and x0_hat", () => {
  const [z, x0, move] = [0.7, -1.3, { previous: null, from: 800, to: 300 }];
  const eps = (z - Math.sqrt(abar(800)) * x0) / Math.sqrt(1 - abar(800));
  const expected = Math.sqrt(abar(300)) * x0 + Math.sqrt(1 - abar(300)) * eps;
  const c = stepCoefficients(schedule, move, ddim);
  assertAlmostEquals(c.z * z + c.x0 * x0, expected, 1e-12);
  assertEquals([c.noise, c.previousX0], [0, 0]);
});

Deno.test("stepCoefficients() falls back to first order where dpm++2m has nothing to go on", () => {
  for (
    const move of [
      { previous: null, from: 1999, to: 1500 },
      { previous: 1999, from: 1999, to: 1500 },
      { previous: 400, from: 200, to: 0 },
    ]
  ) {
    assertClose(
      stepCoefficients(schedule, move, multistep),
      stepCoefficients(schedule, move, ddim),
    );
  }
});

// In lambda the exact solution is z_to = s_to/s_from z_from + s_to int e^lambda x0_hat(lambda); a
// second-order solver is exact for predictions linear in lambda up to O(h^3), a first-order one is
// wrong by O(h^2). Halving the steps must therefore divide the error of a run by about 4.
Deno.test("stepCoefficients() solves to second order with dpm++2m", () => {
  const lambda = (t: number) => Math.log(abar(t) / (1 - abar(t))) / 2;
  const prediction = (t: number) => Math.sin(lambda(t));
  const run = (timesteps: number[], options: SamplerOptions) => {
    let z = 1;
    for (let k = 0; k + 1 < timesteps.length; k++) {
      const previous = timesteps[k - 1] ?? null;
      const move = { previous, from: timesteps[k]!, to: timesteps[k + 1]! };
      const c = stepCoefficients(schedule, move, options);
      z = c.z * z + c.x0 * prediction(move.from) +
        (previous === null ? 0 : c.previousX0 * prediction(previous));
    }
    return z;
  };
  const grid = (stride: number) =>
    Array.from({ length: 1200 / stride + 1 }, (_, k) => 1600 - k * stride);
  const exact = run(grid(1), multistep);
  const [coarse, fine] = [200, 100].map((stride) => Math.abs(run(grid(stride), multistep) - exact));
  assert(coarse! / fine! > 3, `${coarse} / ${fine}`);
  const firstOrder = Math.abs(run(grid(100), ddim) - exact);
  assert(fine! < firstOrder / 4, `${fine} against ${firstOrder}`);
});

Deno.test("stepCoefficients() bounds dpm++2m's extrapolation after a very short move", () => {
  const c = stepCoefficients(schedule, { previous: 901, from: 900, to: 300 }, multistep);
  const first = stepCoefficients(schedule, { previous: null, from: 900, to: 300 }, multistep);
  assertAlmostEquals(c.previousX0, -first.x0, 1e-12);
  assertAlmostEquals(c.x0, 2 * first.x0, 1e-12);
});

Deno.test("stepCoefficients() refuses to move a slot up", () => {
  assertThrows(
    () => stepCoefficients(schedule, { previous: null, from: 3, to: 4 }, posterior),
    RangeError,
    "3 up to 4",
  );
});
