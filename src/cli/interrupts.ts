/** Signals that ask the program to stop, as something that work can listen to. */
import { ExitCode, UserError } from "../errors.ts";

const EXIT_CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

/**
 * Listens for SIGINT and SIGTERM while it lives: `using interrupts = new Interrupts()`. The first one
 * aborts {@linkcode Interrupts.signal}; a second one ends the program at once, as if nobody listened.
 */
export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const listener = () => {
      this[Symbol.dispose]();
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
    for (const { name, listener } of this.#listeners.splice(0)) {
      Deno.removeSignalListener(name, listener);
    }
  }
}
