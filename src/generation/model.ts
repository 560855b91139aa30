/** A model folder ready to generate: network, tokenizer and the process it was trained with. */
import type { ModelConfig } from "../denoiser/config.ts";
import { Denoiser, type DenoiserOptions } from "../denoiser/denoiser.ts";
import { loadModelFolder, MODEL_FILES } from "../denoiser/model_folder.ts";
import { noiseSchedule } from "../diffusion/noise_schedule.ts";
import { type SamplingPlan, samplingPlan } from "../diffusion/plan.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import type { StepGridKind } from "../diffusion/step_grid.ts";
import { ExitCode, UserError } from "../errors.ts";
import { parseTokenizer, type Tokenizer } from "../text/tokenizer.ts";

/** How a run of the reverse process is planned (SPEC 5). */
export interface PlanOptions {
  /** Network evaluations M. */
  readonly steps: number;
  readonly grid: StepGridKind;
  readonly sampler: SamplerName;
  /** DDIM's share of fresh noise. */
  readonly eta: number;
}

/** A loaded model. Dispose of it when done. */
export class Model implements Disposable {
  readonly #plans = new Map<string, SamplingPlan>();

  /** Takes over the denoiser, which is disposed of with the model. */
  constructor(
    readonly config: ModelConfig,
    readonly tokenizer: Tokenizer,
    readonly denoiser: Denoiser,
  ) {}

  /**
   * Loads a model folder onto a device.
   *
   * @throws {UserError} where the folder is damaged, the native library is missing, or the device is
   */
  static async load(path: string, options: DenoiserOptions): Promise<Model> {
    const folder = loadModelFolder(path);
    const tokenizer = await parseTokenizer(
      folder.tokenizerJson,
      `${path}/${MODEL_FILES.tokenizer}`,
    );
    const { vocabulary_size } = folder.config.network;
    if (tokenizer.vocabSize > vocabulary_size) {
      throw new UserError(
        ExitCode.model,
        `Cannot use model "${path}": its tokenizer has ${tokenizer.vocabSize} tokens, but its ` +
          `network only ${vocabulary_size}`,
      );
    }
    return new Model(folder.config, tokenizer, await Denoiser.fromFolder(folder, options));
  }

  /** The plan for a number of slots, made once. */
  plan(slots: number, { steps, grid, sampler, eta }: PlanOptions): SamplingPlan {
    const key = `${slots} ${steps} ${grid} ${sampler} ${eta}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const { diffusion } = this.config;
    const plan = samplingPlan({
      schedule: noiseSchedule(diffusion.noise_schedule, diffusion.steps),
      timestepKind: diffusion.timesteps,
      slots,
      evaluations: steps,
      grid,
      sampler,
      eta,
      anchorScale: diffusion.anchor_scale,
      noiseFactor: diffusion.noise_factor,
      rescaleTimesteps: diffusion.rescale_timesteps,
    });
    this.#plans.set(key, plan);
    return plan;
  }

  [Symbol.dispose](): void {
    this.denoiser[Symbol.dispose]();
  }
}
