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
  /** Of so many of the likeliest tokens a text goes on with one: more than B. */
  readonly top: number;
  /** The sum of log-probabilities is divided by this power of the number of tokens, the end counted. */
  readonly lengthPenalty: number;
}

/** A text of a beam. */
export interface BeamText {
  readonly tokens: readonly number[];
  /** The sum of the tokens' log-probabilities. */
  readonly logProbability: number;
  /** The same with what rules have added. */
  readonly weighted: number;
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
    const start = { row, tokens, logProbability: 0, weighted: 0 };
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

  /** The best texts, the best first: those that ended before those that the limit has cut. */
  get best(): readonly BeamText[] {
    return [...this.#ended, ...this.#cut].slice(0, this.#options.width);
  }

  /**
   * Takes in what a call predicts after every live text, and goes on with the B best continuations. An
   * end among these ends its text, which is not gone on with, and the search once no live text is
   * ahead of the B best that have ended.
   *
   * @param ids the likeliest tokens after each live text, the likeliest first
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
    const next = this.#live.flatMap(({ row, tokens, ...text }, k) => {
      const judge = rule?.(tokens);
      return Array.from(ids[k]!, (id, rank) => {
        const logProbability = logProbabilities[k]![rank]!;
        return {
          row,
          tokens,
          id,
          logProbability: text.logProbability + begun + logProbability,
          weighted: text.weighted + begun + logProbability + (judge?.(id) ?? 0),
        };
      });
    }).filter(({ weighted }) => weighted > -Infinity).sort((a, b) => b.weighted - a.weighted);
    if (next.length === 0) this.#cut = this.#sorted([...this.#cut, ...this.#live]);
    const live: Going[] = [];
    const moves: (readonly [number, number])[] = [];
    for (const [rank, { row: from, tokens, id, ...text }] of next.entries()) {
      if (live.length === width) break;
      const grown = { ...text, tokens: [...tokens, id] };
      if (id === endId) {
        if (rank < width) this.#ended = this.#sorted([...this.#ended, grown]).slice(0, width);
      } else if (grown.tokens.length >= limit) {
        if (rank < width) this.#cut = this.#sorted([...this.#cut, grown]).slice(0, width);
      } else {
        const row = firstRow + live.length;
        if (row !== from) moves.push([from, row]);
        live.push({ ...grown, row });
      }
    }
    const worst = this.#ended[width - 1];
    const over = worst !== undefined &&
      live.every((text) => this.#score(text) <= this.#score(worst));
    this.#live = over ? [] : live;
    return over ? [] : moves;
  }

  #score({ tokens, weighted }: BeamText): number {
    return weighted / tokens.length ** this.#options.lengthPenalty;
  }

  #sorted(texts: readonly BeamText[]): BeamText[] {
    return texts.toSorted((a, b) => this.#score(b) - this.#score(a));
  }
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
    group.live.map((text) => ({ row: text.row, stream: group.streamOf(text) }))
  );
  const total = beams.reduce((sum, { stream }) => sum + stream.length, 0);
  const top = Math.max(...groups.map((group) => group.top));
  const ids = new Int32Array(total * top), logProbabilities = new Float32Array(total * top);
  // In a group's first call the tokens that its texts begin with are told how likely they were.
  const wanted = beams.some(({ stream }) => stream.length > 1)
    ? {
      ids: Int32Array.from(beams.flatMap(({ stream }) => [...stream.slice(1), 0])),
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
      const { length } = beams[beam++]!.stream;
      const begun = wanted?.logProbabilities.subarray(first, first + length - 1);
      first += length;
      const range = [(first - 1) * top, (first - 1) * top + group.top] as const;
      return {
        ids: ids.subarray(...range),
        logProbabilities: logProbabilities.subarray(...range),
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
