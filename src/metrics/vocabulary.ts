/** Words as integers, so that n-grams of words are compared without touching strings. */

/** Gives every distinct word the next integer, from 0. */
export class Vocabulary {
  readonly #ids = new Map<string, number>();

  /** The id of each word, in order; unseen words get new ids. */
  ids(words: readonly string[]): Int32Array {
    const ids = new Int32Array(words.length);
    for (let at = 0; at < words.length; at++) {
      const word = words[at]!;
      let id = this.#ids.get(word);
      if (id === undefined) {
        id = this.#ids.size;
        this.#ids.set(word, id);
      }
      ids[at] = id;
    }
    return ids;
  }
}
