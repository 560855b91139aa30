/** What a run's model will be: configuration, tokenizer and slots come together as `config.json`. */
import { checkModelConfig, MODEL_FORMAT, type ModelConfig } from "../denoiser/config.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { VERSION } from "../version.ts";
import type { DataSpec } from "../text/data_spec.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingSet } from "./training_sets.ts";
import { type PairLengths, slotsBySource } from "./slots.ts";

/**
 * The configuration of the model that is to be trained.
 *
 * @param lengths of the training pairs
 * @param source path of the training configuration, for messages
 * @throws {UserError} where options do not go together
 */
export function modelConfigOf(
  config: TrainingConfig,
  tokenizer: Pick<Tokenizer, "vocabSize" | "special">,
  lengths: PairLengths,
  source: string,
): ModelConfig {
  const { left_to_right_share: _training, ...diffusion } = config.diffusion;
  const { pad, bos, eos } = tokenizer.special;
  return checkModelConfig({
    format: MODEL_FORMAT,
    network: { vocabulary_size: tokenizer.vocabSize, ...config.network },
    diffusion: { ...diffusion, learned_schedule: null },
    text: {
      ...config.text,
      slots_by_source: config.text.length === "batch"
        ? slotsBySource(lengths, config.text.target_slots)
        : null,
      rounding: config.training.rounding_loss === "prediction" ? "logits" : "nearest",
      pad_id: pad,
      bos_id: bos,
      eos_id: eos,
    },
    provenance: { created_by: `ardiff ${VERSION}`, source: describeSets(config.data.train) },
  }, source);
}

/** The files of a data set. */
export function describeData(spec: DataSpec): string {
  return spec.format === "text" ? `${spec.sourceFile} and ${spec.targetFile}` : spec.file;
}

/** The files of all training sets, with the updates after which each begins and ends. */
export function describeSets(sets: readonly TrainingSet[]): string {
  return sets.map(({ spec, from, until, distill }) => {
    const files = distill === undefined ? describeData(spec) : "what the run then wrote of them";
    if (until !== null) return `${files} (updates ${from + 1} to ${until})`;
    return from === 0 ? files : `${files} (from update ${from + 1})`;
  }).join("; ");
}
