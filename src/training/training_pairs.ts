/** The tokenised pairs of all sets of `[data.train]`, and which of them an update is trained on. */
import { describeData } from "./model_config.ts";
import { beginnings, type ByUpdate, valueAt } from "./scheduled.ts";
import type { PairLengths } from "./slots.ts";
import type { CacheSummary, TokenCache, TokenPair } from "./token_cache.ts";
import { setsByUpdate, type TrainingSet } from "./training_sets.ts";

/** Pairs that are trained on together. */
export interface Pairs extends PairLengths {
  /** The ids of a pair. */
  read(index: number): TokenPair;
  /** Names the lines of pairs, for messages. */
  describe(rows: Uint32Array): string;
}

/** A set that has been opened. */
interface OpenSet {
  readonly set: TrainingSet;
  readonly cache: TokenCache;
}

/** All pairs of a run. Dispose of them when done. */
export class TrainingPairs implements Disposable {
  readonly #sets: readonly OpenSet[];
  readonly #phases: ByUpdate<readonly number[]>;
  #mix: { readonly key: string; readonly pairs: Pairs } | undefined;

  private constructor(sets: readonly OpenSet[]) {
    this.#sets = sets;
    this.#phases = setsByUpdate(sets.map(({ set }) => set));
  }

  /** Opens the sets one after another. @param open opens one; it may throw */
  static async open(
    sets: readonly TrainingSet[],
    open: (set: TrainingSet) => TokenCache | Promise<TokenCache>,
  ): Promise<TrainingPairs> {
    const opened: OpenSet[] = [];
    try {
      for (const set of sets) opened.push({ set, cache: await open(set) });
      return new TrainingPairs(opened);
    } catch (error) {
      for (const { cache } of opened) cache[Symbol.dispose]();
      throw error;
    }
  }

  /** What the content of the sets is known by, each set's in its place. */
  get keys(): string[] {
    return this.#sets.map(({ cache }) => cache.key);
  }

  /** Names of the sets' token caches, by which another rank opens them. */
  get cacheNames(): string[] {
    return this.#sets.map(({ cache }) => cache.name);
  }

  /** What tokenising all sets found. */
  get summary(): CacheSummary {
    const summaries = this.#sets.map(({ cache }) => cache.summary);
    const sum = (of: (summary: CacheSummary) => number) =>
      summaries.reduce((total, summary) => total + of(summary), 0);
    return {
      pairs: sum(({ pairs }) => pairs),
      leftOut: sum(({ leftOut }) => leftOut),
      cutSources: sum(({ cutSources }) => cutSources),
      cutTargets: sum(({ cutTargets }) => cutTargets),
      longestSource: Math.max(...summaries.map(({ longestSource }) => longestSource)),
      longestTarget: Math.max(...summaries.map(({ longestTarget }) => longestTarget)),
    };
  }

  /** The pairs of all sets, whenever they are trained on. */
  all(): Pairs {
    return mixOf(this.#sets);
  }

  /** The pairs that an update is trained on, from 1. */
  at(update: number): Pairs {
    const places = valueAt(this.#phases, update);
    const key = places.join();
    if (this.#mix?.key !== key) {
      this.#mix = { key, pairs: mixOf(places.map((place) => this.#sets[place]!)) };
    }
    return this.#mix.pairs;
  }

  /** Source and target tokens of an epoch at an update. */
  tokensAt(update: number): number {
    const { sourceLengths, targetLengths } = this.at(update);
    let tokens = 0;
    for (let i = 0; i < sourceLengths.length; i++) tokens += sourceLengths[i]! + targetLengths[i]!;
    return tokens;
  }

  /** The number of updates after which the sets of an update began to be trained on. */
  beganAt(update: number): number {
    return beginnings(this.#phases).findLast((updates) => updates < update) ?? 0;
  }

  /** Whether other sets are trained on from an update on than before it. */
  changeAt(update: number): boolean {
    return update > 1 && beginnings(this.#phases).includes(update - 1);
  }

  [Symbol.dispose](): void {
    for (const { cache } of this.#sets) cache[Symbol.dispose]();
  }
}

/** The pairs of some sets one after another. */
function mixOf(sets: readonly OpenSet[]): Pairs {
  const first = sets.map((_, index) =>
    sets.slice(0, index).reduce((sum, { cache }) => sum + cache.size, 0)
  );
  const placeOf = (row: number) => first.findLastIndex((start) => start <= row);
  return {
    sourceLengths: joined(sets.map(({ cache }) => cache.sourceLengths)),
    targetLengths: joined(sets.map(({ cache }) => cache.targetLengths)),
    read: (row) => {
      const place = placeOf(row);
      return sets[place]!.cache.read(row - first[place]!);
    },
    describe: (rows) => {
      const named = rows.subarray(0, 8);
      const groups = Map.groupBy(named, placeOf);
      const parts = Array.from(groups, ([place, members]) => {
        const { set, cache } = sets[place]!;
        const file = set.spec.format === "text" ? set.spec.sourceFile : describeData(set.spec);
        return `${file} lines ${members.map((row) => cache.line(row - first[place]!)).join(", ")}`;
      });
      const more = rows.length - named.length;
      return `${parts.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    },
  };
}

/** Lists one after another; one list is itself, without a copy. */
function joined(lists: readonly ArrayLike<number>[]): ArrayLike<number> {
  if (lists.length === 1) return lists[0]!;
  const values = new Uint32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const list of lists) {
    values.set(list, filled);
    filled += list.length;
  }
  return values;
}
