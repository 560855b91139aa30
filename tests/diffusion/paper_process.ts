import type { DiffusionConfig } from "../../src/diffusion/process.ts";

/** The paper's diffusion process. */
export const PAPER: DiffusionConfig = {
  steps: 2000,
  noise_schedule: "sqrt",
  timesteps: "token",
  anchor_scale: 2,
  anchor_distance: null,
  noise_factor: 1,
  rescale_timesteps: true,
  step_grid: "even",
};
