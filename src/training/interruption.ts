/** SIGINT and SIGTERM: the first asks the run to save and end, the second ends it at once. */
import { ExitCode } from "../errors.ts";

/** A signal that ends a run. */
export type EndingSignal = "SIGINT" | "SIGTERM";

const CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

/** The exit code of a run that a signal has ended. */
export function exitCodeOf(signal: EndingSignal): ExitCode {
  return CODES[signal];
}

/** Listens for signals until it is disposed of. */
export class Interruption implements Disposable {
  #signal: EndingSignal | undefined;
  readonly #listeners: readonly (readonly [EndingSignal, () => void])[];

  /** @param onFirst called when the first signal comes */
  constructor(onFirst: (signal: EndingSignal) => void) {
    this.#listeners = (["SIGINT", "SIGTERM"] as const).map((signal) =>
      [signal, () => {
        if (this.#signal !== undefined) Deno.exit(exitCodeOf(signal));
        this.#signal = signal;
        onFirst(signal);
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
