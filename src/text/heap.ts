/** A binary heap: the queue of merges in BPE training and encoding. */

/** Gives back its items in the order of a comparison; equal items come in no particular order. */
export class Heap<T> {
  readonly #items: T[];
  readonly #compare: (a: T, b: T) => number;

  /**
   * Makes an empty heap.
   *
   * @param compare negative where `a` comes before `b`, as for `Array.sort`
   */
  constructor(compare: (a: T, b: T) => number) {
    this.#items = [];
    this.#compare = compare;
  }

  /** Adds an item. */
  push(item: T): void {
    const items = this.#items;
    let hole = items.push(item) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.#compare(item, items[parent]!) >= 0) break;
      items[hole] = items[parent]!;
      hole = parent;
    }
    items[hole] = item;
  }

  /** Takes out the first item; undefined where there is none. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= items.length) break;
      const right = child + 1;
      if (right < items.length && this.#compare(items[right]!, items[child]!) < 0) child = right;
      if (this.#compare(last, items[child]!) <= 0) break;
      items[hole] = items[child]!;
      hole = child;
    }
    items[hole] = last;
    return first;
  }
}
