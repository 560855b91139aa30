/** Baselines against what scripts/oracles/baselines.py computes. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";
import { LossSecondMoment } from "../../src/training/loss_second_moment.ts";
import { PositionLosses } from "../../src/training/position_losses.ts";

interface Factors {
  readonly steps: number;
  readonly factor: number;
  readonly factors: readonly number[];
}

interface Recorded {
  readonly blocks: readonly {
    readonly slots: number;
    readonly length: number;
    readonly steps: number;
    readonly rows: readonly (readonly number[])[];
  }[];
  readonly expected_x0: readonly Factors[];
  readonly gated: readonly Factors[];
  readonly moving_anchor: readonly {
    readonly slots: number;
    readonly distance: number;
    readonly steps: number;
    readonly rows: readonly (readonly number[])[];
  }[];
  readonly independent: {
    readonly slots: number;
    readonly steps: number;
    readonly uniform: readonly (readonly number[])[];
    readonly rows: readonly (readonly number[])[];
  };
  readonly learned_schedule: {
    readonly steps: number;
    readonly groups: number;
    readonly positions: number;
    readonly renewals: readonly {
      readonly rows: readonly { readonly timestep: number; readonly errors: readonly number[] }[];
      readonly timesteps: readonly (readonly number[])[];
    }[];
  };
  readonly loss_second_moment: {
    readonly steps: number;
    readonly losses: readonly { readonly timestep: number; readonly loss: number }[];
    readonly states: readonly {
      readonly after: number;
      readonly chances: readonly number[];
      readonly weights: readonly number[];
    }[];
  };
}

const recorded: Recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../data/diffusion/baselines.json", import.meta.url)),
);

Deno.test("block timesteps go block by block as SSD-LM's sampler does", () => {
  for (const { slots, length, steps, rows } of recorded.blocks) {
    const process = processOf({
      ...PAPER_PROCESS,
      steps,
      timesteps: "block",
      anchor_distance: length,
    });
    const timesteps = process.timesteps(slots);
    assertEquals(timesteps.count, rows.length);
    const all = rows.map((_, i) => [...timesteps.at(rows.length - 1 - i)]);
    assertEquals(all, rows.map((row) => [...row]));
  }
});

Deno.test("moving anchors go over a sentence as tensors of float32 do", () => {
  for (const { slots, distance, steps, rows } of recorded.moving_anchor) {
    const timesteps = processOf({ ...PAPER_PROCESS, steps, anchor_distance: distance })
      .timesteps(slots);
    assertEquals(timesteps.count, rows.length);
    assertEquals(rows.map((_, i) => [...timesteps.at(i)]), rows.map((row) => [...row]));
  }
});

Deno.test("independent timesteps are those of PyTorch for the same uniform numbers", () => {
  const { slots, steps, uniform, rows } = recorded.independent;
  const timesteps = processOf({ ...PAPER_PROCESS, steps, timesteps: "independent" })
    .timesteps(slots);
  const numbers = uniform.flat().values();
  const options = { leftToRightShare: null, targetLength: slots };
  const drawn = rows.map(() => timesteps.draw(() => numbers.next().value!, options));
  assertEquals(drawn.map(({ timesteps }) => [...timesteps]), rows.map((row) => [...row]));
});

for (const view of ["expected_x0", "gated"] as const) {
  Deno.test(`inputScale() with "${view}" is what PyTorch computes`, () => {
    for (const { steps, factor: noise_factor, factors } of recorded[view]) {
      const process = processOf({ ...PAPER_PROCESS, steps, noise_factor, latent_view: view });
      factors.forEach((factor, t) => assertAlmostEquals(process.inputScale(t), factor, 1e-12));
    }
  });
}

Deno.test('inputScale() with "as_is" leaves latents alone', () => {
  const process = processOf({ ...PAPER_PROCESS, noise_factor: 4, latent_view: "as_is" });
  assertEquals([0, 1000, 1999].map((t) => process.inputScale(t)), [1, 1, 1]);
});

Deno.test("learned timesteps are those of SeqDiffuSeq's schedule, renewed twice", () => {
  const { steps, groups, positions, renewals } = recorded.learned_schedule;
  const { alphaBar } = processOf({ ...PAPER_PROCESS, steps }).schedule;
  const options = { groups, positions, every: 1, alphaBar };
  const losses = new PositionLosses(options, new Float32Array(PositionLosses.size(options)));
  for (const { rows, timesteps } of renewals) {
    for (const { timestep, errors } of rows) losses.add((timestep + 0.5) / steps, errors);
    losses.renew();
    const learned = processOf({
      ...PAPER_PROCESS,
      steps,
      timesteps: "learned",
      learned_schedule: losses.schedule,
    }).timesteps(positions);
    const found = Array.from({ length: steps }, (_, t) => [...learned.at(t)]);
    const expected = found.map((_, t) => timesteps.map((position) => position[t]!));
    assertEquals(found, expected);
  }
});

Deno.test("LossSecondMoment draws and weighs as improved DDPM's sampler does", () => {
  const { steps, losses, states } = recorded.loss_second_moment;
  const sampler = new LossSecondMoment(steps, new Float32Array(LossSecondMoment.size(steps)));
  let done = 0, adaptive = 0;
  for (const { after, chances, weights } of states) {
    for (; done < after; done++) {
      const { timestep, loss } = losses[done]!;
      sampler.add((timestep + 0.5) / steps, loss);
    }
    chances.forEach((chance, t) => {
      assertAlmostEquals(sampler.probabilities[t]!, chance, 1e-12);
      assertAlmostEquals(sampler.weightAt((t + 0.5) / steps), weights[t]!, 1e-9);
    });
    adaptive += Number(new Set(chances).size > 1);
  }
  assert(adaptive > 3 && adaptive < states.length, `${adaptive} of ${states.length} states`);
});
