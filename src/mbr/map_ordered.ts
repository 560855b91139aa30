/** Concurrent work over a stream, results in the order of the stream. */

/**
 * Applies `work` to the items of a stream, several at a time. Results come in the order of the items
 * and as soon as they can: neither a slow source nor a slow consumer holds back what is finished. An
 * error, of `work` or of the source, comes after the results before it.
 *
 * @param lookAhead items read whose results the consumer has not taken, at most; positive
 */
export async function* mapOrdered<Item, Result>(
  items: AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
  lookAhead: number,
): AsyncGenerator<Result, void, undefined> {
  const source = items[Symbol.asyncIterator]();
  const tasks: Task<Result>[] = [];
  let reading: Promise<void> | undefined;
  let ended = false;

  const read = async () => {
    try {
      const { value, done } = await source.next();
      if (done) ended = true;
      else tasks.push(new Task(work(value)));
    } catch (error) {
      ended = true;
      tasks.push(new Task(Promise.reject(error)));
    }
  };

  try {
    for (;;) {
      if (!ended && tasks.length < lookAhead) {
        reading ??= read().finally(() => reading = undefined);
      }
      const first = tasks[0];
      if (first === undefined) {
        if (reading === undefined) return;
        await reading;
      } else if (reading === undefined || first.settled) {
        tasks.shift();
        yield await first.result;
      } else {
        await Promise.race([reading, first.settling]);
      }
    }
  } finally {
    // A source that is waiting for input ends only when the input does: no reason to wait for it.
    const closing = source.return?.();
    if (reading === undefined) await closing;
  }
}

/** A promise that tells whether it has settled, and whose rejection may go unheard. */
class Task<Result> {
  readonly result: Promise<Result>;
  /** Resolves once the result has settled, either way. */
  readonly settling: Promise<void>;
  #settled = false;

  constructor(result: Promise<Result>) {
    this.result = result;
    const settle = () => {
      this.#settled = true;
    };
    this.settling = result.then(settle, settle);
  }

  get settled(): boolean {
    return this.#settled;
  }
}
