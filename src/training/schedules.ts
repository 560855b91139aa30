/** What changes from update to update: scheduled options, the learning rate, the average's decay. */
import { OPTIONS, type OptionValues, type TrainingAt } from "./options.ts";
import { beginnings, valueAt } from "./scheduled.ts";

/** `[training]` as it is at an update, from 1. */
export function trainingAt(training: OptionValues["training"], update: number): TrainingAt {
  return Object.fromEntries(
    Object.entries(training).map(([name, value]) => [name, valueAt(value, update)]),
  ) as unknown as TrainingAt;
}

/** The options of `[training]` that an update is the first to have, with their values; none with the first. */
export function changesAt(
  training: OptionValues["training"],
  update: number,
): readonly (readonly [name: string, value: unknown])[] {
  if (update === 1) return [];
  return Object.keys(OPTIONS.training)
    .map((name) => [name, training[name as keyof TrainingAt]] as const)
    .filter(([, value]) => beginnings(value).includes(update - 1))
    .map(([name, value]) => [name, valueAt<unknown>(value, update)] as const);
}

/** The options these depend on, as in `[training]`. */
interface LearningRateOptions {
  readonly learning_rate: number;
  readonly warmup_steps: number;
  readonly decay: TrainingAt["decay"];
  readonly decay_share: number;
  readonly steps: number;
}

/**
 * The learning rate of an update: it rises linearly from 0 over the warm-up, then stays or falls
 * (paper, section 4): linearly or along half a cosine to 0 at the last update, from the end of the
 * warm-up on or over a share of the updates; or with the inverse square root of the updates, from the
 * end of the warm-up on.
 *
 * @param update from 1
 */
export function learningRate(options: LearningRateOptions, update: number): number {
  const { learning_rate: peak, warmup_steps: warmup, decay, decay_share: share, steps } = options;
  if (update <= warmup) return peak * update / warmup;
  if (decay === "constant") return peak;
  if (decay === "inverse_sqrt") return peak * Math.sqrt(Math.max(warmup, 1) / update);
  const length = Math.min(share * steps, steps - warmup);
  const left = Math.min(Math.max(steps - update, 0) / Math.max(length, 1), 1);
  return decay === "linear" ? peak * left : peak * (1 - Math.cos(Math.PI * left)) / 2;
}

/**
 * The decay of the moving average at an update. With warm-up, it starts low and rises, so that the
 * random weights of the start leave no trace in a short run's average.
 *
 * @param update from 1
 */
export function averageDecay(
  { ema_decay, ema_warmup }: { readonly ema_decay: number; readonly ema_warmup: boolean },
  update: number,
): number {
  return ema_warmup ? Math.min(ema_decay, (1 + update) / (10 + update)) : ema_decay;
}
