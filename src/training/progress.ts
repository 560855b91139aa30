/** What a person sees of a run: one line that changes on a terminal, a line now and then elsewhere. */
import type { LossTerms } from "../native/trainer.ts";

/** A moment of a run. */
export interface Moment {
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

/** Where lines go. */
export interface ProgressOutput {
  /** Writes a message for people. */
  stderr(text: string): void;
  /** Whether they go to a terminal. */
  readonly interactive: boolean;
}

/** Milliseconds between two states of the line on a terminal, and between two lines elsewhere. */
const TERMINAL_INTERVAL = 200;
const PLAIN_INTERVAL = 30_000;
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** Shows a run's progress. */
export class Progress {
  readonly #output: ProgressOutput;
  #shown = -Infinity;
  #lineIsOpen = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  /** Whether a moment is due to be shown. @param now milliseconds */
  isDue(now: number): boolean {
    return now - this.#shown >= (this.#output.interactive ? TERMINAL_INTERVAL : PLAIN_INTERVAL);
  }

  /** Shows a moment. */
  show(moment: Moment, now: number): void {
    this.#shown = now;
    const line = describeMoment(moment);
    if (this.#output.interactive) {
      // A line longer than the terminal's must not wrap: only its last row could be rewritten.
      this.#output.stderr(`\r\x1b[K${WRAP_OFF}${line}${WRAP_ON}`);
      this.#lineIsOpen = true;
    } else {
      this.#output.stderr(`${line}\n`);
    }
  }

  /** Writes a message on lines of its own. */
  say(message: string): void {
    this.close();
    this.#output.stderr(`${message}\n`);
  }

  /** Ends the line that is open. */
  close(): void {
    if (this.#lineIsOpen) this.#output.stderr("\n");
    this.#lineIsOpen = false;
  }
}

/** The line of a moment; what may be cut off by a narrow terminal comes last. */
export function describeMoment(moment: Moment): string {
  const { step, last, epoch, terms, tokensPerSecond, secondsPerStep, secondsAllowed } = moment;
  const left = Math.min((last - step) * secondsPerStep, secondsAllowed);
  return [
    `step ${step}/${last}`,
    `epoch ${epoch + 1}`,
    `${formatDuration(left)} left`,
    `${Math.round(tokensPerSecond)} tokens/s`,
    `loss ${terms.loss.toFixed(3)} (mse ${terms.mse.toFixed(3)}, nll ${terms.nll.toFixed(3)}, ` +
    `prior ${terms.prior.toPrecision(1)})`,
  ].join("  ");
}

/** Seconds as hours, minutes and seconds. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}
