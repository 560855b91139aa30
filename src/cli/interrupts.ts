/** Signals that ask the program to stop, as something that work can listen to. */
import { ExitCode, UserError } from "../errors.ts";

const EXIT_CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

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
  /** Set by the first signal. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const listener = () => {
      if (this.#timer !== undefined) return;
      this.#timer = setTimeout(() => this[Symbol.dispose](), ECHO);
      Deno.unrefTimer(this.#timer);
      this.#controller.abort(new UserError(EXIT_CODES[name], `Stopped by ${name}`));
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });

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
