/** How a run stands at a moment, in a line for people. */
import { formatDuration } from "../host/status_line.ts";
import type { LossTerms } from "../native/trainer.ts";

/** A moment of a run. */
interface Moment {
  readonly step: number;
  /** The last step. */
  readonly last: number;
  readonly epoch: number;
  readonly terms: LossTerms;
  readonly tokensPerSecond: number;
  readonly secondsPerStep: number;
  /** Seconds left until the run's time is over; infinite without a limit. */
  readonly secondsAllowed: number;
}

/** The line of a moment; what may be cut off by a narrow terminal comes last. */
export function describeMoment(moment: Moment): string {
  const { step, last, epoch, terms, tokensPerSecond, secondsPerStep, secondsAllowed } = moment;
  const left = Math.max(0, Math.min((last - step) * secondsPerStep, secondsAllowed));
  return [
    `step ${step}/${last}`,
    `epoch ${epoch + 1}`,
    `${formatDuration(left)} left`,
    `${Math.round(tokensPerSecond)} tokens/s`,
    `loss ${terms.loss.toFixed(3)} (mse ${terms.mse.toFixed(3)}, nll ${terms.nll.toFixed(3)}, ` +
    `prior ${terms.prior.toPrecision(1)})`,
  ].join("  ");
}
