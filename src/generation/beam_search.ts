/**
 * Beam search in the shifted layout, one slot a call: of each source the B likeliest texts so far go on
 * together, each in a row of its own. Sources are independent of each other.
 */
import type { NativeDecoding } from "../native/decoding.ts";
import type { TokenRule } from "./token_rules.ts";

/** What beams are written with. */
export type BeamNetwork = Pick<NativeDecoding, "step" | "copy">;

/** What the beams of a source are written by. */
export interface BeamOptions {
  /** The first of its B rows, which follow each other. */
  readonly firstRow: number;
  /** B. */
  readonly width: number;
  /** What the first slot holds, and what ends a target. */
  readonly startId: number;
  readonly endId: number;
  /** Tokens of a target at most, the end token included. */
  readonly limit: number;
  /** What every target begins with, no end token among it. */
  readonly forced: readonly number[];
  readonly rule: TokenRule | undefined;
  /**
   * How far a text is on its way, by its tokens and the next one; undefined: no text is ahead of another.
   * Beams are shared out among texts that are equally far, so that those which come later to what is
   * asked for are not lost to those that come to it at once (Post and Vilar 2018).
   */
  readonly progress?: (tokens: readonly number[]) => (id: number) => number;
  /**
   * A token that a text may go on with though it is not among the likeliest, by its tokens and a number
   * that differs from text to text and from call to call; undefined: none.
   */
  readonly wish?: (tokens: readonly number[], turn: number) => number | undefined;
  /** Of so many of the likeliest tokens a text goes on with one: more than B. */
  readonly top: number;
  /** The sum of log-probabilities is divided by this power of the number of tokens, the end counted. */
  readonly lengthPenalty: number;
}

/** A text of a beam. */
interface BeamText {
  readonly tokens: readonly number[];
  /** The sum of the tokens' log-probabilities. */
  readonly logProbability: number;
  /** The same with what rules have added. */
  readonly weighted: number;
  /** How far it is on its way. */
  readonly progress: number;
}

/** A token that a text may go on with. */
interface Continuation extends Going {
  readonly id: number;
}

/** What is going on in a row. */
interface Going extends BeamText {
  readonly row: number;
}

/** The beams of one source. */
export class BeamGroup {
  readonly #options: BeamOptions;
  #live: Going[];
  /** Texts with an end, the best first; no more than B. */
  #ended: BeamText[] = [];
  /** Texts that the limit has cut, the best first. */
  #cut: BeamText[] = [];
  #calls = 0;

  constructor(options: BeamOptions) {
    this.#options = options;
    const { firstRow: row, forced: tokens, limit } = options;
    const start = { row, tokens, logProbability: 0, weighted: 0, progress: 0 };
    this.#live = tokens.length < limit ? [start] : [];
    if (this.#live.length === 0) this.#cut = [start];
  }

  /** Network calls made. */
  get calls(): number {
    return this.#calls;
  }

  get done(): boolean {
    return this.#live.length === 0;
  }

  /** Of so many likeliest tokens of each slot it asks to be told. */
  get top(): number {
    return this.#options.top;
  }

  /** What goes on, each text in its row. */
  get live(): readonly Going[] {
    return this.#live;
  }

  /** What the slots of a row's next call hold. */
  streamOf({ tokens }: Going): readonly number[] {
    return this.#calls === 0 ? [this.#options.startId, ...tokens] : tokens.slice(-1);
  }

  /** A token that it would go on with though it be unlikely. */
  wishOf({ tokens, row }: Going): number | undefined {
    return this.#options.wish?.(tokens, row - this.#options.firstRow + this.#calls);
  }

  /** The best texts, the best first: those that ended before those that the limit has cut. */
  get best(): readonly BeamText[] {
    return [...this.#ended, ...this.#cut].slice(0, this.#options.width);
  }

  /**
   * Takes in what a call predicts after every live text, and goes on with the B best continuations. An
   * end among these ends its text, which is not gone on with, and the search once no live text is
   * ahead of the B best that have ended.
   *
   * @param ids the tokens that each live text may go on with, all different
   * @param begun the sum of the log-probabilities of the tokens that all began with, in the first call
   * @returns the rows that texts go on in, as pairs of the row they were in and the one they are in now
   */
  advance(
    ids: readonly Int32Array[],
    logProbabilities: readonly Float32Array[],
    begun: number,
  ): (readonly [from: number, to: number])[] {
    const { width, endId, firstRow, rule, limit } = this.#options;
    this.#calls++;
    const next = this.#live.flatMap(({ row, tokens, ...text }, k): Continuation[] => {
      const judge = rule?.(tokens);
      const progress = this.#options.progress?.(tokens);
      return Array.from(ids[k]!, (id, rank) => {
        const logProbability = begun + logProbabilities[k]![rank]!;
        return {
          row,
          tokens,
          id,
          logProbability: text.logProbability + logProbability,
          weighted: text.weighted + logProbability + (judge?.(id) ?? 0),
          progress: progress?.(id) ?? 0,
        };
      });
    }).filter(({ weighted }) => weighted > -Infinity).sort((a, b) => b.weighted - a.weighted);
    if (next.length === 0) this.#cut = this.#sorted([...this.#cut, ...this.#live]);
    const goingOn: Continuation[][] = [];
    const byProgress = [...Map.groupBy(next, ({ progress }) => progress)].sort(([a], [b]) => b - a);
    for (const [, equallyFar] of byProgress) {
      // Continuations that are not among the best B count only where others leave room.
      const best = equallyFar.slice(0, width);
      this.#end(best.filter(({ id }) => id === endId));
      const others = equallyFar.filter(({ id }) => id !== endId);
      if (others[0] !== undefined && others[0].tokens.length + 1 < limit) goingOn.push(others);
      else this.#cutOff(best.filter(({ id }) => id !== endId));
    }
    const live: Going[] = [];
    const moves: (readonly [number, number])[] = [];
    for (const { row: from, tokens, id, ...text } of inTurn(goingOn, width)) {
      const row = firstRow + live.length;
      if (row !== from) moves.push([from, row]);
      live.push({ ...text, row, tokens: [...tokens, id] });
    }
    const worst = this.#ended[width - 1];
    const over = worst !== undefined &&
      live.every((text) => this.#score(text) <= this.#score(worst));
    this.#live = over ? [] : live;
    return over ? [] : moves;
  }

  #end(texts: readonly Continuation[]): void {
    this.#ended = this.#sorted([...this.#ended, ...texts.map(grown)]).slice(0, this.#options.width);
  }

  #cutOff(texts: readonly Continuation[]): void {
    this.#cut = this.#sorted([...this.#cut, ...texts.map(grown)]).slice(0, this.#options.width);
  }

  #score({ tokens, logProbability }: BeamText): number {
    return logProbability / tokens.length ** this.#options.lengthPenalty;
  }

  #sorted(texts: readonly BeamText[]): BeamText[] {
    return texts.toSorted((a, b) => b.progress - a.progress || this.#score(b) - this.#score(a));
  }
}

function grown({ tokens, id, logProbability, weighted, progress }: Continuation): BeamText {
  return { tokens: [...tokens, id], logProbability, weighted, progress };
}

/** So many of the entries of lists: the first of each, then the second of each, and so on. */
function inTurn<T>(lists: readonly (readonly T[])[], count: number): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const taken = Array.from(
    { length: Math.min(longest, count) },
    (_, place) => lists.flatMap((list) => place < list.length ? [list[place]!] : []),
  );
  return taken.flat().slice(0, count);
}

/**
 * Searches for all groups. What a group becomes does not depend on the others.
 *
 * @param atOnce groups in a call, at most
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function searchBeams(
  network: BeamNetwork,
  groups: readonly BeamGroup[],
  atOnce: number,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = groups.filter(({ done }) => !done);
  let active: BeamGroup[] = [];
  for (;;) {
    active = active.filter(({ done }) => !done);
    active.push(...waiting.splice(0, atOnce - active.length));
    if (active.length === 0) return;
    signal?.throwIfAborted();
    await oneCall(network, active);
  }
}

async function oneCall(network: BeamNetwork, groups: readonly BeamGroup[]): Promise<void> {
  const beams = groups.flatMap((group) =>
    group.live.map((text) => ({
      row: text.row,
      stream: group.streamOf(text),
      wish: group.wishOf(text),
    }))
  );
  const total = beams.reduce((sum, { stream }) => sum + stream.length, 0);
  const top = Math.max(...groups.map((group) => group.top));
  const ids = new Int32Array(total * top), logProbabilities = new Float32Array(total * top);
  // In a group's first call the tokens that its texts begin with are told how likely they were.
  const wanted = beams.some(({ stream, wish }) => stream.length > 1 || wish !== undefined)
    ? {
      ids: Int32Array.from(beams.flatMap(({ stream, wish }) => [...stream.slice(1), wish ?? 0])),
      logProbabilities: new Float32Array(total),
    }
    : undefined;
  await network.step({
    rows: Int32Array.from(beams, ({ row }) => row),
    streamCounts: Int32Array.from(beams, ({ stream }) => stream.length),
    streamIds: Int32Array.from(beams.flatMap(({ stream }) => stream)),
    width: 0,
    blocks: new Uint8Array(total),
    top,
    ids,
    logProbabilities,
    ...(wanted && { wanted }),
  });
  const moves: (readonly [number, number])[] = [];
  let beam = 0, first = 0;
  for (const group of groups) {
    const found = group.live.map(() => {
      const { stream: { length }, wish } = beams[beam++]!;
      const begun = wanted?.logProbabilities.subarray(first, first + length - 1);
      first += length;
      const range = [(first - 1) * top, (first - 1) * top + group.top] as const;
      const [own, scores] = [ids.subarray(...range), logProbabilities.subarray(...range)];
      const isNew = wish !== undefined && !own.includes(wish);
      return {
        ids: isNew ? Int32Array.of(...own, wish) : own,
        logProbabilities: isNew
          ? Float32Array.of(...scores, wanted!.logProbabilities[first - 1]!)
          : scores,
        begun: begun?.reduce((sum, value) => sum + value, 0) ?? 0,
      };
    });
    moves.push(...group.advance(
      found.map(({ ids }) => ids),
      found.map(({ logProbabilities }) => logProbabilities),
      found[0]!.begun,
    ));
  }
  if (moves.length === 0) return;
  network.copy(
    Int32Array.from(moves, ([from]) => from),
    Int32Array.from(moves, ([, to]) => to),
  );
}
