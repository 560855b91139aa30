/**
 * The diffusion process of a model: how noise and text mix at each timestep, which timesteps slots go
 * through together, and what the network is told of them (SPEC 1, 2). Made once from a configuration;
 * generation, training and whatever checks or draws them ask it, so that all mean the same process.
 */
import type { LatentView, SamplerName, StepGridKind } from "./names.ts";
import { inputScale, type NoiseSchedule, noiseSchedule, scaledTimestep } from "./noise_schedule.ts";
import { type Move, type StepCoefficients, stepCoefficients } from "./samplers.ts";
import { stepGrid } from "./step_grid.ts";
import type { SlotTimesteps, TimestepConfig } from "./timesteps/scheme.ts";
import { TIMESTEP_SCHEMES, type TimestepSchemeName } from "./timesteps/schemes.ts";

/** The section `diffusion` of a model's configuration: the process it was trained with. */
export interface DiffusionConfig extends TimestepConfig {
  /** One timestep per slot (the paper) or one per sentence. */
  readonly timesteps: TimestepSchemeName;
  /** F in z = sqrt(abar) x0 + F sqrt(1 - abar) eps: 1 in the paper. */
  readonly noise_factor: number;
  /** What the network is shown of a latent. */
  readonly latent_view: LatentView;
  /** Whether the network takes timesteps as t * 1000 / T. */
  readonly rescale_timesteps: boolean;
  /** How generation spaces its steps unless it is told otherwise. */
  readonly step_grid: StepGridKind;
}

/** The paper's; a key that is added later stands here too. */
export const PAPER_PROCESS: DiffusionConfig = {
  steps: 2000,
  noise_schedule: "sqrt",
  timesteps: "token",
  anchor_scale: 2,
  anchor_distance: null,
  learned_schedule: null,
  noise_factor: 1,
  latent_view: "unit_variance",
  rescale_timesteps: true,
  step_grid: "even",
};

/** The process as a trainer takes it (SPEC 1 and 3). */
interface TrainingTables {
  /** [T, 4] scaled timestep, factor on x0, factor on the noise, factor on z at the input. */
  readonly schedule: Float32Array<ArrayBuffer>;
  /** sqrt(1 - abar[0]), the noise between embedding and x0. */
  readonly embeddingNoise: number;
  /** sqrt(abar[T-1]), the factor on x0 in the prior loss. */
  readonly priorScale: number;
}

/** A process; {@linkcode processOf} makes it. */
export class DiffusionProcess {
  /** What it was made from. */
  readonly config: DiffusionConfig;
  /** abar at every timestep. */
  readonly schedule: NoiseSchedule;
  /** Whether slots that have not started are left out of the computation. */
  readonly leavesSlotsOut: boolean;

  /** @throws {UserError} where there is no such noise schedule */
  constructor(config: DiffusionConfig) {
    this.config = config;
    this.schedule = noiseSchedule(config.noise_schedule, config.steps);
    this.leavesSlotsOut = TIMESTEP_SCHEMES[config.timesteps].leavesSlotsOut?.(config) ?? false;
  }

  /**
   * The timesteps that N slots go through.
   *
   * @throws {UserError} where the scheme cannot serve as many
   */
  timesteps(slots: number): SlotTimesteps {
    return TIMESTEP_SCHEMES[this.config.timesteps].timesteps(this.config, slots);
  }

  /** A timestep as the network takes it. */
  scaledTimestep(timestep: number): number {
    const { steps, rescale_timesteps } = this.config;
    return scaledTimestep(timestep, steps, rescale_timesteps);
  }

  /** What a latent at a timestep is multiplied by before it enters the network. */
  inputScale(timestep: number): number {
    const { noise_factor, latent_view } = this.config;
    return inputScale(this.schedule, timestep, noise_factor, latent_view);
  }

  /**
   * The coefficients of a slot's move.
   *
   * @param eta DDIM's share of fresh noise; the other samplers ignore it
   */
  coefficients(move: Move, sampler: SamplerName, eta = 0): StepCoefficients {
    const { noise_factor: noiseFactor } = this.config;
    return stepCoefficients(this.schedule, move, { sampler, eta, noiseFactor });
  }

  /**
   * At which sentence-level indices the network is evaluated, [M+1], falling to 0.
   *
   * @throws {UserError} where M evaluations do not fit the number of indices
   */
  grid(slots: number, evaluations: number, kind: StepGridKind): Int32Array<ArrayBuffer> {
    const { schedule, config: { noise_factor: noiseFactor } } = this;
    const timesteps = this.timesteps(slots);
    return stepGrid({ kind, evaluations, timesteps, schedule, noiseFactor });
  }

  /** What a trainer needs of the process. */
  trainingTables(): TrainingTables {
    const { noise_factor, steps } = this.config;
    const { alphaBar } = this.schedule;
    const rows = Array.from(alphaBar, (abar, timestep) => [
      this.scaledTimestep(timestep),
      Math.sqrt(abar),
      noise_factor * Math.sqrt(1 - abar),
      this.inputScale(timestep),
    ]);
    return {
      schedule: Float32Array.from(rows.flat()),
      embeddingNoise: Math.sqrt(1 - alphaBar[0]!),
      priorScale: Math.sqrt(alphaBar[steps - 1]!),
    };
  }
}

const processes = new WeakMap<DiffusionConfig, DiffusionProcess>();

/** The process of a configuration, made the first time it is asked for. */
export function processOf(config: DiffusionConfig): DiffusionProcess {
  let process = processes.get(config);
  if (process === undefined) processes.set(config, process = new DiffusionProcess(config));
  return process;
}
