/** Options that do not go together, found before a run begins. */
import { processOf } from "../diffusion/process.ts";
import { ExitCode, UserError } from "../errors.ts";
import type { TrainingConfig } from "./config.ts";
import { modelConfigOf } from "./model_config.ts";
import { beginnings, valueAt } from "./scheduled.ts";

/**
 * Finds options that do not go together before the data are read, which may take long.
 *
 * @throws {UserError} at the first
 */
export function expectUsable(config: TrainingConfig, source: string): void {
  const { file, normalizers, vocabulary_size: vocabSize } = config.tokenizer;
  if (file !== null && normalizers.length > 0) {
    throw new UserError(
      ExitCode.model,
      `Cannot apply "tokenizer.normalizers" to "${file}": a given tokenizer has its own; leave out ` +
        "one of the two",
    );
  }
  const { left_to_right_share: share } = config.diffusion;
  if (config.network.shifted && share !== null) {
    throw new UserError(
      ExitCode.model,
      `Cannot draw a share of ${share} from the left-to-right phase: with "network.shifted" every ` +
        'row visits every place; leave out "diffusion.left_to_right_share", or set it to none',
    );
  }
  const { rounding_loss, train_only, start_from } = config.training;
  if (config.network.shifted && rounding_loss !== "prediction") {
    throw new UserError(
      ExitCode.model,
      `Cannot take the rounding loss of "${rounding_loss}" with "network.shifted": a settled slot holds ` +
        'another token than it predicts; set training.rounding_loss = "prediction"',
    );
  }
  const chainAlone = beginnings(train_only).map((updates) => valueAt(train_only, updates + 1))
    .map((part) => part === "token_chain");
  if (
    chainAlone.includes(true) && config.network.token_chain === 0 ||
    chainAlone[0] && start_from === null
  ) {
    throw new UserError(
      ExitCode.model,
      'Cannot train "token_chain" only: expected a network.token_chain above 0, and a model in ' +
        "training.start_from to train it on, or updates that train all before",
    );
  }
  expectLossMemory(config);
  const onePair = { sourceLengths: [1], targetLengths: [1] };
  modelConfigOf(config, { vocabSize, special: { pad: 0, bos: null, eos: 1 } }, onePair, source);
}

/** What is remembered of losses belongs to a row's one place on the way from text to noise. */
function expectLossMemory({ diffusion, training, network }: TrainingConfig): void {
  const { timestep_sampler: sampler, loss_groups: groups } = training;
  if (groups !== null && groups > diffusion.steps) {
    throw new UserError(
      ExitCode.model,
      `Cannot keep losses of training.loss_groups = ${groups}: diffusion.steps are only ` +
        `${diffusion.steps}; set fewer`,
    );
  }
  if (sampler === "uniform") return;
  const reason = network.shifted
    ? "network.shifted has no timesteps to draw"
    : diffusion.timesteps === "independent"
    ? 'with diffusion.timesteps = "independent" a row has no one timestep'
    : diffusion.anchor_distance !== null
    ? `with diffusion.anchor_distance = ${diffusion.anchor_distance} the rows of a micro-batch are ` +
      "drawn together"
    : undefined;
  if (reason === undefined) return;
  throw new UserError(
    ExitCode.model,
    `Cannot draw timesteps by training.timestep_sampler = "${sampler}": ${reason}; leave it out`,
  );
}

/**
 * Finds what the first validation would fail by, which may be hours away, and an end that would never
 * come.
 *
 * @throws {UserError} at the first
 */
export function expectValidation(config: TrainingConfig): void {
  expectPatience(config);
  expectGrid(config);
}

function expectPatience({ data, validation, checkpoints: { metric } }: TrainingConfig): void {
  const { patience, every, lines } = validation;
  const missing = [
    ["a development set, [data.dev]", data.dev === null],
    ["validation.every above 0", every === 0],
    [`validation.lines above 0 for "${metric}"`, metric !== "loss" && lines === 0],
  ] as const;
  const found = missing.find(([, isMissing]) => isMissing);
  if (patience === 0 || found === undefined) return;
  throw new UserError(
    ExitCode.model,
    `Cannot end a run by validation.patience = ${patience}: it needs ${found[0]}`,
  );
}

function expectGrid({ data, validation, network, text, diffusion }: TrainingConfig): void {
  if (data.dev === null || validation.lines === 0 || network.shifted) return;
  const fewestSlots = text.length === "batch" ? 1 : text.target_slots;
  const { count } = processOf({ ...diffusion, learned_schedule: null }).timesteps(fewestSlots);
  if (validation.steps <= count) return;
  throw new UserError(
    ExitCode.model,
    `Cannot validate in validation.steps = ${validation.steps}: this diffusion has ${count} ` +
      "timesteps to take them from; set fewer",
  );
}
