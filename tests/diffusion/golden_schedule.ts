/** The schedule values recorded from the reference implementation (tests/golden/schedule.json). */
export interface GoldenSchedule {
  /** abar[t] of the schedule named `sqrt`, by T and t (alpha bar itself, not its root). */
  readonly sqrt_alpha_bar: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly token_timesteps: readonly {
    readonly length: number;
    readonly steps: number;
    readonly anchor_scale: number;
    readonly sentence_timestep: readonly number[];
    readonly token_timestep: readonly (readonly number[])[];
  }[];
  readonly skip_steps: readonly {
    readonly length: number;
    readonly steps: number;
    readonly evaluations: number;
    readonly sentence_timestep: readonly number[];
  }[];
}

/** Reads the recorded values. */
export function goldenSchedule(): GoldenSchedule {
  return JSON.parse(Deno.readTextFileSync(new URL("../golden/schedule.json", import.meta.url)));
}
