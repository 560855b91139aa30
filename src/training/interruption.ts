/** SIGINT and SIGTERM: the first asks the run to save and end, the second ends it at once. */
import { ExitCode } from "../errors.ts";

/** A signal that ends a run. */
export type EndingSignal = "SIGINT" | "SIGTERM";

const CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

/** The exit code of a run that a signal has ended. */
export function exitCodeOf(signal: EndingSignal): ExitCode {
  return CODES[signal];
}

/**
 * Milliseconds within which signals count as one: Ctrl-C goes to all programs of the terminal, and
 * one that started this one, such as `deno task`, may pass it on once more.
 */
const ECHO = 250;

/** Listens for signals until it is disposed of. */
export class Interruption implements Disposable {
  #signal: EndingSignal | undefined;
  #signalled = 0;
  readonly #listeners: readonly (readonly [EndingSignal, () => void])[];

  /** @param onFirst called when the first signal comes */
  constructor(onFirst: (signal: EndingSignal) => void) {
    this.#listeners = (["SIGINT", "SIGTERM"] as const).map((signal) =>
      [signal, () => {
        const now = performance.now();
        if (this.#signal === undefined) {
          this.#signal = signal;
          this.#signalled = now;
          onFirst(signal);
        } else if (now - this.#signalled > ECHO) {
          Deno.exit(exitCodeOf(signal));
        }
      }] as const
    );
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /** The signal that has come, if any. */
  get signal(): EndingSignal | undefined {
    return this.#signal;
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
