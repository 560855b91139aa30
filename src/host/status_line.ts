/** A line that tells people how work goes: rewritten in place on a terminal, repeated elsewhere. */
import { printable } from "../printable.ts";
import { tell } from "./messages.ts";

/** Where messages for people go. */
export interface ProgressOutput {
  /** Writes a message for people. */
  stderr(text: string): void;
  /** Whether they go to a terminal. */
  readonly interactive: boolean;
}

/** Milliseconds between two states of the line, at least. */
interface StatusIntervals {
  readonly terminal: number;
  /** Where messages do not go to a terminal; undefined: nothing is shown there. */
  readonly elsewhere: number | undefined;
}

const CLEAR = "\r\x1b[K";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** The line at the foot of what has been written. */
export class StatusLine {
  readonly #output: ProgressOutput;
  readonly #intervals: StatusIntervals;
  #shown = -Infinity;
  #isOpen = false;

  constructor(output: ProgressOutput, intervals: StatusIntervals) {
    this.#output = output;
    this.#intervals = intervals;
  }

  /** Whether any state is ever shown where the messages go. */
  get isShown(): boolean {
    return this.#output.interactive || this.#intervals.elsewhere !== undefined;
  }

  /** Whether a new state is due to be shown. @param now milliseconds */
  isDue(now: number): boolean {
    const { terminal, elsewhere } = this.#intervals;
    const interval = this.#output.interactive ? terminal : elsewhere;
    return interval !== undefined && now - this.#shown >= interval;
  }

  /** Shows a state. @param now milliseconds */
  show(line: string, now: number): void {
    this.#shown = now;
    this.#isOpen = this.#output.interactive;
    // A line longer than the terminal's must not wrap: only its last row could be rewritten.
    const text = printable(line);
    this.#output.stderr(this.#isOpen ? `${CLEAR}${WRAP_OFF}${text}${WRAP_ON}` : `${text}\n`);
  }

  /** Clears the line, so that something else can be written there; the next state is due at once. */
  hide(): void {
    if (!this.#isOpen) return;
    this.#output.stderr(CLEAR);
    this.#isOpen = false;
    this.#shown = -Infinity;
  }

  /** Leaves the line as it stands and goes on below it. */
  close(): void {
    if (this.#isOpen) this.#output.stderr("\n");
    this.#isOpen = false;
  }

  /** Writes a message on lines of its own. */
  say(message: string): void {
    this.close();
    tell(this.#output, message);
  }
}

/** Seconds as m:ss or h:mm:ss; time that is over is none. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part, i) => i === 0 ? part : String(part).padStart(2, "0")).join(":");
}
