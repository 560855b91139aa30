/** Signals that ask the program to stop, as something that work can listen to. */
import { ExitCode, UserError } from "../errors.ts";

/** A signal that asks the program to stop. */
export type EndingSignal = "SIGINT" | "SIGTERM";

const EXIT_CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

/** The exit code of work that a signal has ended. */
export function exitCodeOf(signal: EndingSignal): ExitCode {
  return EXIT_CODES[signal];
}

/**
 * Milliseconds within which signals count as one: Ctrl-C goes to all programs of the terminal, and
 * one that started this one, such as `deno task`, may pass it on once more.
 */
const ECHO = 250;

/**
 * Listens for SIGINT and SIGTERM while it lives: `using interrupts = new Interrupts()`. The first one
 * aborts {@linkcode Interrupts.signal}; a second one ends the program at once, as if nobody listened.
 */
export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  #received: EndingSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners: { readonly name: EndingSignal; readonly listener: () => void }[];

  /** @param onFirst called when the first signal comes */
  constructor(onFirst: (signal: EndingSignal) => void = () => {}) {
    this.#listeners = (["SIGINT", "SIGTERM"] as const).map((name) => {
      const listener = () => {
        if (this.#received !== undefined) return;
        this.#received = name;
        this.#timer = setTimeout(() => this[Symbol.dispose](), ECHO);
        Deno.unrefTimer(this.#timer);
        onFirst(name);
        this.#controller.abort(new UserError(exitCodeOf(name), `Stopped by ${name}`));
      };
      Deno.addSignalListener(name, listener);
      return { name, listener };
    });
  }

  /** The signal that has come, if any. */
  get received(): EndingSignal | undefined {
    return this.#received;
  }

  /** Aborted when the program is asked to stop; the reason carries the exit code. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const { name, listener } of this.#listeners.splice(0)) {
      Deno.removeSignalListener(name, listener);
    }
  }
}
