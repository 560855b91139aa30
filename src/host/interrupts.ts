/** Signals that ask the program to stop, as something that work can listen to. */
import { ExitCode, UserError } from "../errors.ts";

/** A signal that asks the program to stop. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

const EXIT_CODES = {
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
  SIGHUP: ExitCode.hungUp,
} as const;

/**
 * The signals to listen for. Under `nohup` a hang-up is nothing to stop for, which a listener would
 * undo; the start script sees that and says so by a variable.
 */
function endingSignals(): readonly EndingSignal[] {
  try {
    if (Deno.env.get("ARDIFF_HANGUP") === "ignored") return ["SIGINT", "SIGTERM"];
  } catch {
    // A program that uses the library need not let it read variables.
  }
  return ["SIGINT", "SIGTERM", "SIGHUP"];
}

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
 * Listens for SIGINT, SIGTERM and SIGHUP while it lives: `using interrupts = new Interrupts()`. The first one
 * aborts {@linkcode Interrupts.signal}; a second one ends the program at once, as if nobody listened.
 */
export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  #received: EndingSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners: { readonly name: EndingSignal; readonly listener: () => void }[];

  /** @param onFirst called when the first signal comes */
  constructor(onFirst: (signal: EndingSignal) => void = () => {}) {
    this.#listeners = endingSignals().map((name) => {
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
