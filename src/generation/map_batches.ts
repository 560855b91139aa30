/**
 * Batched work over a stream: items are read ahead, those alike go through the work together, and
 * results come one by one in the order of the items.
 */

/** How a stream is cut into batches. */
export interface BatchOptions<Item> {
  /** Items of a batch, at most. */
  readonly batchSize: number;
  /** Items read whose results the consumer has not taken, at most: it bounds memory. */
  readonly window: number;
  /** Milliseconds that an item waits, at most, for others to fill its batch. */
  readonly maxWait: number;
  /** Only items with the same key share a batch. */
  readonly keyOf: (item: Item) => number;
  /** Ends the run: results that are finished still come, then the signal's reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * What is done with a batch; resolves to a result for each item, in order. One batch is worked on at
 * a time: what may go on beside the next batch is left to promises among the results. Should reject
 * soon after the signal is aborted.
 */
export type BatchWork<Item, Result> = (
  batch: readonly Item[],
  signal: AbortSignal,
) => Promise<readonly (Result | Promise<Result>)[]>;

/**
 * Applies `work` to batches of a stream's items. The next batch is always that of the oldest item, so
 * none is passed over for long; it goes out when it is full, when no more items can come (the stream
 * has ended or the window is full), or when its oldest item has waited long enough. An error, of
 * `work` or of the stream, comes after the results before it.
 */
export async function* mapBatches<Item, Result>(
  items: AsyncIterable<Item>,
  work: BatchWork<Item, Result>,
  options: BatchOptions<Item>,
): AsyncGenerator<Result, void, undefined> {
  const { signal } = options;
  const run = new BatchRun(items, work, options);
  const stop = () => run.stop(signal?.reason);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    for (;;) {
      const outcome = await run.next();
      if (outcome === undefined) return;
      yield await outcome.promise;
      run.makeRoom();
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    run.stop(undefined);
    await run.idle;
  }
}

/** An item that is in no batch yet. */
interface Waiting<Item, Result> {
  readonly item: Item;
  /** Counts the items of the stream. */
  readonly number: number;
  readonly arrival: number;
  readonly outcome: PromiseWithResolvers<Result>;
}

/** A reader and a worker in the background, and what lies between them. */
class BatchRun<Item, Result> {
  readonly #work: BatchWork<Item, Result>;
  readonly #options: BatchOptions<Item>;
  /** Items that are in no batch yet, by key, the oldest first; no list is empty. */
  readonly #waiting = new Map<number, Waiting<Item, Result>[]>();
  /** Outcomes of the items that were read, in order, less those the consumer is done with. */
  readonly #outcomes: PromiseWithResolvers<Result>[] = [];
  readonly #stopping = new AbortController();
  readonly #changed = new Change();
  /** The stream gives no more items. */
  #ended = false;
  /** Resolves when the worker is done. */
  readonly idle: Promise<void>;

  constructor(
    items: AsyncIterable<Item>,
    work: BatchWork<Item, Result>,
    options: BatchOptions<Item>,
  ) {
    this.#work = work;
    this.#options = options;
    this.#readAll(items[Symbol.asyncIterator]());
    this.idle = this.#workOnAll();
  }

  /** The outcome of the oldest item, undefined after the last. */
  async next(): Promise<PromiseWithResolvers<Result> | undefined> {
    while (this.#outcomes.length === 0 && !this.#ended) await this.#changed.wait();
    return this.#outcomes[0];
  }

  /** Lets go of the oldest item's outcome. */
  makeRoom(): void {
    this.#outcomes.shift();
    this.#changed.notify();
  }

  /** Ends reading and working. What is not finished fails with `reason`. */
  stop(reason: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(reason);
    for (const { outcome } of [...this.#waiting.values()].flat()) outcome.reject(reason);
    this.#waiting.clear();
    this.#fail(reason);
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #full(): boolean {
    return this.#outcomes.length >= this.#options.window;
  }

  async #readAll(source: AsyncIterator<Item>): Promise<void> {
    let number = 0;
    try {
      while (!this.#stopped) {
        const { value: item, done } = await source.next();
        if (this.#stopped) break;
        if (done) return this.#end();
        const key = this.#options.keyOf(item);
        const entry = {
          item,
          number: number++,
          arrival: performance.now(),
          outcome: this.#expect(),
        };
        const peers = this.#waiting.get(key);
        if (peers === undefined) this.#waiting.set(key, [entry]);
        else peers.push(entry);
        this.#changed.notify();
        while (this.#full && !this.#stopped) await this.#changed.wait();
      }
      // Nobody waits for this: a source that waits for input ends only when the input does.
      await source.return?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #workOnAll(): Promise<void> {
    for (;;) {
      while (this.#waiting.size === 0 && !this.#ended) await this.#changed.wait();
      await this.#untilReady();
      const batch = this.#takeBatch();
      if (batch === undefined) return;
      try {
        const results = await this.#work(batch.map(({ item }) => item), this.#stopping.signal);
        batch.forEach(({ outcome }, i) => outcome.resolve(results[i]!));
      } catch (error) {
        for (const { outcome } of batch) outcome.reject(error);
      }
    }
  }

  /** Waits while a batch could still fill. */
  async #untilReady(): Promise<void> {
    const { batchSize, maxWait } = this.#options;
    for (;;) {
      const oldest = this.#oldest();
      if (oldest === undefined || oldest.length >= batchSize || this.#ended || this.#full) return;
      const left = oldest[0]!.arrival + maxWait - performance.now();
      if (left <= 0) return;
      await this.#changed.wait(left);
    }
  }

  /** The waiting items with the key of the oldest one. */
  #oldest(): Waiting<Item, Result>[] | undefined {
    let oldest: Waiting<Item, Result>[] | undefined;
    for (const peers of this.#waiting.values()) {
      if (oldest === undefined || peers[0]!.number < oldest[0]!.number) oldest = peers;
    }
    return oldest;
  }

  #takeBatch(): Waiting<Item, Result>[] | undefined {
    const oldest = this.#oldest();
    const batch = oldest?.splice(0, this.#options.batchSize);
    if (oldest?.length === 0) this.#waiting.delete(this.#options.keyOf(batch![0]!.item));
    return batch;
  }

  /** Adds the outcome of the next item. */
  #expect(): PromiseWithResolvers<Result> {
    const outcome = Promise.withResolvers<Result>();
    outcome.promise.catch(() => {}); // a failure may come long before the consumer asks for it
    this.#outcomes.push(outcome);
    return outcome;
  }

  #end(): void {
    this.#ended = true;
    this.#changed.notify();
  }

  /** Ends the stream with an error. */
  #fail(error: unknown): void {
    if (!this.#ended) this.#expect().reject(error);
    this.#end();
  }
}

/** Wakes whoever waits for something to change. */
class Change {
  #next = Promise.withResolvers<void>();

  notify(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** Resolves at the next change, or after some milliseconds. */
  async wait(milliseconds?: number): Promise<void> {
    if (milliseconds === undefined) return await this.#next.promise;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, milliseconds);
    await Promise.race([this.#next.promise, late.promise]);
    clearTimeout(timer);
  }
}
