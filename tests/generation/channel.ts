/** A stream that a test writes to while the code under test reads it. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended = false;
  #changed = Promise.withResolvers<void>();
  /** Items handed out so far. */
  read = 0;
  /** Whether the reader has let go of the stream. */
  returned = false;

  push(...items: T[]): void {
    this.#items.push(...items);
    this.#changed.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#changed.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        while (this.read < this.#items.length) yield this.#items[this.read++]!;
        if (this.#ended) return;
        await this.#changed.promise;
        this.#changed = Promise.withResolvers();
      }
    } finally {
      this.returned = true;
    }
  }
}
