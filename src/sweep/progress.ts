/** Tells people how a sweep goes, and how long it will still take. */
import { formatDuration, type ProgressOutput, StatusLine } from "../host/status_line.ts";

/** What there is to do. */
interface Amount {
  readonly cells: number;
  /** Cells that were done before. */
  readonly skipped: number;
  readonly trainings: number;
  readonly jobs: number;
  /** Seconds that a training may take; undefined where that is not known. */
  readonly secondsEach: number | undefined;
}

/** A kind of work: how much of it is done, and how long it took. */
class Tally {
  #timed = 0;
  #seconds = 0;
  done = 0;

  /** Counts one more. @param seconds undefined where it was done before */
  add(seconds: number | undefined): void {
    this.done++;
    if (seconds === undefined) return;
    this.#timed++;
    this.#seconds += seconds;
  }

  /** Seconds that some more are likely to take; undefined where nothing is known. */
  secondsOf(more: number, assumed: number | undefined): number | undefined {
    if (more <= 0) return 0;
    const each = this.#timed > 0 ? this.#seconds / this.#timed : assumed;
    return each === undefined ? undefined : more * each;
  }
}

/** The line at the foot of the terminal; elsewhere one for each cell and, now and then, its progress. */
export class SweepProgress implements Disposable {
  readonly #line: StatusLine;
  readonly #amount: Amount;
  readonly #cells = new Tally();
  readonly #trainings = new Tally();
  #what = "";

  constructor(output: ProgressOutput, amount: Amount) {
    this.#line = new StatusLine(output, { terminal: 200, elsewhere: 60_000 });
    this.#amount = amount;
    const { cells, skipped, trainings } = amount;
    this.say(
      `${cells} cell${cells === 1 ? "" : "s"} to measure, ${trainings} configuration${
        trainings === 1 ? "" : "s"
      } to train` + (skipped > 0 ? `; ${skipped} cells are done.` : "."),
    );
  }

  /** Says what is done next. */
  begin(what: string): void {
    this.#what = what;
    this.#show("");
  }

  /** Says how what was begun goes. */
  detail(text: string): void {
    if (this.#line.isDue(performance.now())) this.#show(text.split("\n").at(-1)!);
  }

  /** Counts a training. @param seconds undefined where it was done before */
  trained(seconds: number | undefined): void {
    this.#trainings.add(seconds);
  }

  /** Counts a cell and says what it gave. */
  measured(result: string, seconds: number): void {
    this.#cells.add(seconds);
    this.say(`[${this.#cells.done}/${this.#amount.cells}] ${result}${this.#left()}`);
  }

  /** Writes a message. */
  say(message: string): void {
    this.#line.hide();
    this.#line.say(message);
  }

  #show(detail: string): void {
    const { cells } = this.#amount;
    const parts = [
      `[${this.#cells.done}/${cells}] ${this.#what}`,
      ...detail === "" ? [] : [detail],
    ];
    this.#line.show(parts.join("  ") + this.#left(), performance.now());
  }

  /** What is left at the speed so far, where it is known. */
  #left(): string {
    const { cells, trainings, jobs, secondsEach } = this.#amount;
    const measuring = this.#cells.secondsOf(cells - this.#cells.done, undefined);
    const training = this.#trainings.secondsOf(trainings - this.#trainings.done, secondsEach);
    if (measuring === undefined || training === undefined) return "";
    return `  ${formatDuration((measuring + training) / jobs)} left`;
  }

  [Symbol.dispose](): void {
    this.#line.hide();
  }
}
