/** Baselines against what scripts/oracles/baselines.py computes. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";

interface Recorded {
  readonly blocks: readonly {
    readonly slots: number;
    readonly length: number;
    readonly steps: number;
    readonly rows: readonly (readonly number[])[];
  }[];
  readonly expected_x0: readonly {
    readonly steps: number;
    readonly factor: number;
    readonly factors: readonly number[];
  }[];
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

Deno.test('inputScale() with "expected_x0" is the mean of x0 given the latent', () => {
  for (const { steps, factor: noise_factor, factors } of recorded.expected_x0) {
    const process = processOf({
      ...PAPER_PROCESS,
      steps,
      noise_factor,
      latent_view: "expected_x0",
    });
    factors.forEach((factor, t) => assertAlmostEquals(process.inputScale(t), factor, 1e-12));
  }
});

Deno.test('inputScale() with "as_is" leaves latents alone', () => {
  const process = processOf({ ...PAPER_PROCESS, noise_factor: 4, latent_view: "as_is" });
  assertEquals([0, 1000, 1999].map((t) => process.inputScale(t)), [1, 1, 1]);
});
