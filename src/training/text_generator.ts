/** Generates with the weights of a run while it trains. */
import { Denoiser } from "../denoiser/denoiser.ts";
import {
  generateBatch,
  type GenerateOptions,
  GENERATION_DEFAULTS,
} from "../generation/generate.ts";
import { LoadedModel } from "../generation/loaded_model.ts";
import { tensorsOf } from "./checkpoint.ts";
import type { Run } from "./run.ts";
import type { TextGenerator } from "./validation.ts";

/** Lines in the network at once. */
const BATCH_SIZE = 64;

/** Generates with a run's averaged weights as they are when it is called. */
export function textGeneratorOf(run: Run): TextGenerator {
  const { validation, training } = run.config;
  const options: GenerateOptions = {
    ...GENERATION_DEFAULTS,
    steps: run.model.network.shifted ? "auto" : validation.steps,
    candidates: validation.candidates,
    maxRows: 8 * BATCH_SIZE,
    batchSize: BATCH_SIZE,
    maxWait: 0,
  };
  return async (lines, isInterrupted) => {
    const denoiser = await Denoiser.create(
      run.model.network,
      tensorsOf(run.trainer.read("average"), run.layout),
      { ...run.place, dtype: training.dtype },
    );
    using loaded = new LoadedModel(run.model, run.tokenizer, denoiser);
    const texts: string[] = [];
    // Sorted, lines of a batch have about the same number of slots.
    const order = lines.map((line, index) => ({ line, index }))
      .sort((left, right) => left.line.length - right.line.length);
    for (let start = 0; start < order.length; start += BATCH_SIZE) {
      if (isInterrupted()) return undefined;
      const part = order.slice(start, start + BATCH_SIZE);
      const results = await generateBatch(loaded, part.map(({ line }) => line), options);
      part.forEach(({ index }, i) => texts[index] = results[i]!.text);
    }
    return texts;
  };
}
