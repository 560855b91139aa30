/** What changes from update to update: the learning rate and the average's decay. */

/** The options these depend on, as in `[training]`. */
interface LearningRateOptions {
  readonly learning_rate: number;
  readonly warmup_steps: number;
  readonly decay: "constant" | "linear";
  readonly decay_share: number;
  readonly steps: number;
}

/**
 * The learning rate of an update: it rises linearly from 0 over the warm-up, then stays or falls
 * linearly to 0 at the last update (paper, section 4), from the end of the warm-up on or over a share
 * of the updates.
 *
 * @param update from 1
 */
export function learningRate(options: LearningRateOptions, update: number): number {
  const { learning_rate: peak, warmup_steps: warmup, decay, decay_share: share, steps } = options;
  if (update <= warmup) return peak * update / warmup;
  if (decay === "constant") return peak;
  const length = Math.min(share * steps, steps - warmup);
  return peak * Math.min(Math.max(steps - update, 0) / Math.max(length, 1), 1);
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
