/** SIGUSR1, with which schedulers such as Slurm say that the time of a program is nearly over. */

/**
 * Listens for SIGUSR1 while it lives, and remembers one until it is taken. Without a listener the
 * signal would end the program.
 */
export class SaveSignal implements Disposable {
  #received = false;
  readonly #listener = () => void (this.#received = true);

  constructor() {
    Deno.addSignalListener("SIGUSR1", this.#listener);
  }

  /** Whether the signal has come since this was asked last. */
  take(): boolean {
    const received = this.#received;
    this.#received = false;
    return received;
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGUSR1", this.#listener);
  }
}
