/** A model folder ready to generate: network, tokenizer and the process it was trained with. */
import type { ModelConfig } from "../denoiser/config.ts";
import { Denoiser } from "../denoiser/denoiser.ts";
import { loadModelFolder, MODEL_FILES } from "../denoiser/model_folder.ts";
import { type SamplingPlan, samplingPlan } from "../diffusion/plan.ts";
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import { resolveDevice } from "../native/device.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { defaultsOf, type GenerationValues, LOAD_OPTIONS, type ValuesOf } from "./options.ts";

/** Where and how a model computes; what is left out has its default. */
export type LoadOptions = Partial<ValuesOf<typeof LOAD_OPTIONS>>;

/** How a run of the reverse process is planned (SPEC 5). */
interface PlanOptions extends Pick<GenerationValues, "grid" | "sampler" | "eta"> {
  /** Network evaluations M. */
  readonly steps: number;
}

/** A loaded model. Dispose of it when done. */
export class LoadedModel implements Disposable {
  readonly #plans = new Map<string, SamplingPlan>();

  /** What the network is, and the process and text it was trained with. */
  readonly config: ModelConfig;
  /** Text to ids and back. */
  readonly tokenizer: Tokenizer;
  /** The network. */
  readonly denoiser: Denoiser;

  /** How another model is loaded that is to work beside it. */
  readonly loadOptions: LoadOptions;

  /** Takes over the denoiser, which is disposed of with the model. */
  constructor(
    config: ModelConfig,
    tokenizer: Tokenizer,
    denoiser: Denoiser,
    loadOptions: LoadOptions = {},
  ) {
    this.loadOptions = loadOptions;
    this.config = config;
    this.tokenizer = tokenizer;
    this.denoiser = denoiser;
  }

  /**
   * Loads a model folder onto a device.
   *
   * @param path a folder, or the name of a model that comes with the program
   * @throws {UserError} where the folder is damaged, the native library is missing, or the device is
   */
  static async load(
    path: string,
    options: LoadOptions = {},
  ): Promise<LoadedModel> {
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
    const { device, dtype, threads } = { ...defaultsOf(LOAD_OPTIONS), ...options };
    const place = { device: resolveDevice(device), dtype, threads };
    const denoiser = await Denoiser.fromFolder(folder, place);
    return new LoadedModel(folder.config, tokenizer, denoiser, options);
  }

  /** The plan for a number of slots, made once. */
  plan(slots: number, { steps, grid, sampler, eta }: PlanOptions): SamplingPlan {
    const key = `${slots} ${steps} ${grid} ${sampler} ${eta}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const { diffusion } = this.config;
    const plan = samplingPlan(processOf(diffusion), {
      slots,
      evaluations: steps,
      grid: grid === "auto" ? diffusion.step_grid : grid,
      sampler,
      eta,
    });
    this.#plans.set(key, plan);
    return plan;
  }

  /** Frees the network. */
  [Symbol.dispose](): void {
    this.denoiser[Symbol.dispose]();
  }
}
