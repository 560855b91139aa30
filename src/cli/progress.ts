/** A progress bar for people: one line at the foot of the terminal, gone when the work is done. */

/** Milliseconds between two drawings, at least. */
const INTERVAL = 100;
const WIDTH = 24;
const CLEAR = "\r\x1b[K";

/** Where it is drawn. */
export interface ProgressOutput {
  stderr(text: string): void;
  /** Whether stderr is a terminal; elsewhere nothing is drawn. */
  readonly interactive: boolean;
}

/** Counts what is done of a total that may be unknown. */
export class Progress implements Disposable {
  readonly #output: ProgressOutput;
  readonly #unit: string;
  readonly #total: number | undefined;
  readonly #start = performance.now();
  #done = 0;
  #drawn = -Infinity;

  /** @param unit what is counted, in the plural */
  constructor(output: ProgressOutput, unit: string, total: number | undefined) {
    this.#output = output;
    this.#unit = unit;
    this.#total = total;
  }

  /** Counts one more and draws, unless that was done a moment ago. */
  advance(): void {
    this.#done++;
    const now = performance.now();
    if (!this.#output.interactive || now - this.#drawn < INTERVAL) return;
    this.#drawn = now;
    this.#output.stderr(
      CLEAR + progressLine(this.#done, this.#total, now - this.#start, this.#unit),
    );
  }

  /** Clears the line, so that something else can be written there. */
  hide(): void {
    if (!this.#output.interactive || this.#drawn === -Infinity) return;
    this.#output.stderr(CLEAR);
    this.#drawn = -Infinity;
  }

  [Symbol.dispose](): void {
    this.hide();
  }
}

/** What is drawn after some milliseconds. */
export function progressLine(
  done: number,
  total: number | undefined,
  milliseconds: number,
  unit: string,
): string {
  const rate = 1000 * done / Math.max(1, milliseconds);
  const speed = `${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}/s`;
  if (total === undefined) return `${done} ${unit}  ${speed}`;
  const filled = Math.round(WIDTH * done / Math.max(1, total));
  const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
  return `${bar} ${done}/${total}  ${speed}  ${clock((total - done) / rate)} left`;
}

/** Seconds as m:ss or h:mm:ss. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part, i) => i === 0 ? part : String(part).padStart(2, "0")).join(":");
}
