/** Gathers a stream's items into batches without letting any wait long. */

/**
 * Batches of `size` items, in order. The stream is read ahead by one batch while the consumer works.
 * A batch that is not full goes out when the consumer is ready and `maxWait` milliseconds have passed
 * since its first item came.
 */
export async function* gather<T>(
  items: AsyncIterable<T>,
  size: number,
  maxWait: number,
): AsyncGenerator<T[], void, undefined> {
  const queue: T[] = [];
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let firstArrival = 0;
  let onChange = (): void => {};
  const change = () => new Promise<void>((resolve) => (onChange = resolve));
  let onRoom = (): void => {};

  // Reads ahead in the background; stops while a full batch is waiting.
  const iterator = items[Symbol.asyncIterator]();
  const reading = (async () => {
    try {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) break;
        if (queue.length === 0) firstArrival = performance.now();
        queue.push(value);
        onChange();
        if (queue.length >= size) await new Promise<void>((resolve) => (onRoom = resolve));
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    onChange();
  })();

  try {
    for (;;) {
      while (queue.length < size && !ended) {
        const changed = change();
        if (queue.length === 0) {
          await changed;
          continue;
        }
        const left = firstArrival + maxWait - performance.now();
        if (left <= 0 || !(await before(changed, left))) break;
      }
      const batch = queue.splice(0, size);
      if (queue.length > 0) firstArrival = performance.now();
      onRoom();
      if (batch.length > 0) yield batch;
      else if (ended) break;
    }
    if (failure !== undefined) throw failure.error;
  } finally {
    onRoom();
    if (!ended) await iterator.return?.();
    await reading.catch(() => {});
  }
}

/** Whether a promise settles within some milliseconds. */
async function before(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
