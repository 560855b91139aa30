/** A progress bar for people: one line at the foot of the terminal, gone when the work is done. */
import { formatDuration, type ProgressOutput, StatusLine } from "./status_line.ts";

const WIDTH = 24;

/** Counts what is done of a total that may be unknown. Elsewhere than on a terminal it is silent. */
export class ProgressBar implements Disposable {
  readonly #line: StatusLine;
  readonly #unit: string;
  readonly #total: number | undefined;
  #start = performance.now();
  #done: number;
  readonly #before: number;

  /**
   * @param unit what is counted, in the plural
   * @param before how many an earlier run has done, which are no part of the speed
   */
  constructor(output: ProgressOutput, unit: string, total: number | undefined, before = 0) {
    this.#done = before;
    this.#before = before;
    this.#line = new StatusLine(output, { terminal: 100, elsewhere: undefined });
    this.#unit = unit;
    this.#total = total;
  }

  /** Tells what goes on before the first is done; the time that it takes is no part of the speed. */
  announce(what: string): void {
    this.#start = performance.now();
    if (!this.#line.isShown) return;
    const count = this.#total === undefined ? this.#done : `${this.#done}/${this.#total}`;
    this.#line.show(`${count} ${this.#unit}  ${what}`, performance.now());
  }

  /** Counts one more and draws, unless that was done a moment ago. */
  advance(): void {
    this.#done++;
    const now = performance.now();
    if (!this.#line.isDue(now)) return;
    const milliseconds = now - this.#start;
    this.#line.show(
      progressText(this.#done, this.#total, milliseconds, this.#unit, this.#before),
      now,
    );
  }

  /** Clears the line, so that something else can be written there. */
  hide(): void {
    this.#line.hide();
  }

  [Symbol.dispose](): void {
    this.hide();
  }
}

/** What is drawn after some milliseconds. */
export function progressText(
  done: number,
  total: number | undefined,
  milliseconds: number,
  unit: string,
  before = 0,
): string {
  const rate = 1000 * (done - before) / Math.max(1, milliseconds);
  const speed = `${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}/s`;
  if (total === undefined) return `${done} ${unit}  ${speed}`;
  // A file that grows while it is read has more lines than were counted.
  const filled = Math.min(WIDTH, Math.round(WIDTH * done / Math.max(1, total)));
  const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
  return `${bar} ${done}/${total}  ${speed}  ${formatDuration((total - done) / rate)} left`;
}
