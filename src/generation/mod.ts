/** The face of generation: a model that is loaded and asked. */
import type { ModelConfig } from "../denoiser/config.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import {
  generate,
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationInput,
  type GenerationResult,
} from "./generate.ts";
import { expectKnownOptions, type OptionNames } from "../option_names.ts";
import { LoadedModel, type LoadOptions } from "./loaded_model.ts";
import { GENERATION_OPTIONS, LOAD_OPTIONS } from "./options.ts";
import {
  type PairScore,
  scorePairs,
  type ScorePairsOptions,
  type TextPair,
} from "./score_pairs.ts";

const LOAD_NAMES = namesOf(LOAD_OPTIONS);
const GENERATE_NAMES: OptionNames<GenerateOptions> = {
  ...namesOf(GENERATION_OPTIONS),
  maxRows: true,
  trace: true,
  scores: true,
  mbrThreads: true,
  onBatch: true,
};
const SCORE_NAMES: OptionNames<ScorePairsOptions> = { batchSize: true, maxWait: true };

function namesOf<Table extends object>(table: Table): OptionNames<Table> {
  return Object.fromEntries(Object.keys(table).map((name) => [name, true])) as OptionNames<Table>;
}

/** A model that generates. Dispose of it when done. */
export class Model implements Disposable {
  readonly #loaded: LoadedModel;

  /** @internal Takes over what is loaded, which is disposed of with the model. */
  constructor(loaded: LoadedModel) {
    this.#loaded = loaded;
  }

  /**
   * Loads a model folder onto a device.
   *
   * @param path a folder, or the name of a model that comes with the program
   * @throws {UserError} where the folder is damaged, the native library is missing, the device is, or
   *   there is no such option
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Model> {
    expectKnownOptions(options, LOAD_NAMES, "Model.load()");
    return new Model(await LoadedModel.load(path, options));
  }

  /** What the network is, and the process and text it was trained with. */
  get config(): ModelConfig {
    return this.#loaded.config;
  }

  /** Text to ids and back. */
  get tokenizer(): Tokenizer {
    return this.#loaded.tokenizer;
  }

  /**
   * Generates for a line, or for each line of a stream, while it still comes: one result a line, in
   * order. What a line gets depends on the line, the seed and the options alone. In the place of a line
   * stands an object where its text is to keep to something: `{ source, prefix, avoid, ... }`.
   *
   * @param options those left out are {@linkcode GENERATION_DEFAULTS}
   * @param signal ends the run: finished results still come, then its reason is thrown
   */
  generate(
    lines: string | Iterable<GenerationInput> | AsyncIterable<GenerationInput>,
    options: Partial<GenerateOptions> = {},
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationResult, void, undefined> {
    expectKnownOptions(options, GENERATE_NAMES, "model.generate()");
    const stream = typeof lines === "string" ? [lines] : lines;
    return generate(this.#loaded, stream, { ...GENERATION_DEFAULTS, ...options }, signal);
  }

  /**
   * How probable targets are, given their sources: for each pair the exact log-probability of the
   * target and of each of its tokens, in order. A score depends on its pair alone.
   *
   * @param signal ends the run: finished scores still come, then its reason is thrown
   * @throws {UserError} for a model that gives no probabilities of whole texts
   */
  score(
    pairs: Iterable<TextPair> | AsyncIterable<TextPair>,
    options: ScorePairsOptions = {},
    signal?: AbortSignal,
  ): AsyncGenerator<PairScore, void, undefined> {
    expectKnownOptions(options, SCORE_NAMES, "model.score()");
    return scorePairs(this.#loaded, pairs, options, signal);
  }

  /** Frees the network. */
  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}
