/** Selects for many inputs at once, on worker threads. */

import type { Reply, Request } from "./messages.ts";
import { checkSelectionOptions, select, type Selection, type SelectionOptions } from "./select.ts";

/** Inputs with fewer characters than this cost less to select for than to send to a thread. */
const INLINE_CHARACTERS = 2000;

/**
 * Worker threads that select, started when first needed. Dispose of it (`using`) to end them.
 *
 * The threads inherit the permissions of the program and use none. Where their module cannot be
 * loaded, as without read access to it, the pool does their work itself.
 */
export class SelectionPool implements Disposable {
  #threads: number;
  readonly #workers: SelectionWorker[] = [];

  /**
   * Starts nothing yet.
   *
   * @param threads worker threads at most; with 1 everything is done by the caller's thread
   */
  constructor(threads: number) {
    this.#threads = threads;
  }

  /**
   * {@linkcode select}, on a worker thread where that is worth it. A utility that is given, not
   * named, stays on the caller's: functions cannot be sent.
   */
  async select(candidates: readonly string[], options: SelectionOptions = {}): Promise<Selection> {
    checkSelectionOptions(options, "SelectionPool");
    const isSendable = typeof options.utility !== "object";
    if (this.#threads === 1 || !isSendable || isSmall(candidates)) {
      return select(candidates, options);
    }
    const selection = await this.#leastBusy().select(candidates, options);
    if (selection !== undefined) return selection;
    this.#threads = 1;
    return select(candidates, options);
  }

  /** Ends the threads; what they have not finished stays undone. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker[Symbol.dispose]();
    this.#workers.length = 0;
  }

  /** An idle worker, if need be a new one; with all threads at work the one with the least to do. */
  #leastBusy(): SelectionWorker {
    let least = this.#workers[0];
    for (const worker of this.#workers) if (worker.pending < least!.pending) least = worker;
    if (least !== undefined && (least.pending === 0 || this.#workers.length >= this.#threads)) {
      return least;
    }
    const worker = new SelectionWorker();
    this.#workers.push(worker);
    return worker;
  }
}

function isSmall(candidates: readonly string[]): boolean {
  let characters = 0;
  for (const text of candidates) characters += text.length;
  return characters < INLINE_CHARACTERS;
}

interface Pending {
  resolve(selection: Selection | undefined): void;
  reject(error: unknown): void;
}

/** One thread and the requests it has not answered yet. */
class SelectionWorker implements Disposable {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #lost = false;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      const { resolve, reject } = this.#pending.get(data.id)!;
      this.#pending.delete(data.id);
      if ("selection" in data) resolve(data.selection);
      else reject(data.error);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#lost = true;
      for (const { resolve } of this.#pending.values()) resolve(undefined);
      this.#pending.clear();
    });
  }

  /** The number of unanswered requests. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The selection; undefined where the thread could not be started. */
  select(
    candidates: readonly string[],
    options: SelectionOptions,
  ): Promise<Selection | undefined> {
    if (this.#lost) return Promise.resolve(undefined);
    const id = this.#nextId++;
    const answer = new Promise<Selection | undefined>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    const request: Request = { id, candidates, options };
    this.#worker.postMessage(request);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
