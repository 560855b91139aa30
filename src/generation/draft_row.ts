/**
 * A target in the shifted layout while it is written: what has settled, and a draft of what follows.
 *
 * In every call the last settled token and the draft stand as settled slots, each of which says what
 * should follow it. As far as that is the draft, the draft settles, and one token more; blocks of waiting
 * slots give the next draft (blockwise parallel decoding, Stern et al. 2018). What settles is what one
 * slot a call would have given: the draft decides about calls, not about text.
 */
import type { TokenChooser } from "./token_chooser.ts";
import { allows, type TokenRule } from "./token_rules.ts";

/** What a row is written by. */
interface DraftRowOptions {
  /** Number of the row in the batch. */
  readonly row: number;
  /** What the first slot holds, and what ends a target. */
  readonly startId: number;
  readonly endId: number;
  /** Tokens of the target at most, the end token included. */
  readonly limit: number;
  /** Calls at most; in the last one the draft settles as it is. */
  readonly mostCalls: number;
  readonly chooser: TokenChooser;
  /** What the target begins with, no end token among it. */
  readonly forced?: readonly number[];
  /** What the chooser keeps to: a draft that settles as it is keeps to it too. */
  readonly rule?: TokenRule | undefined;
}

/** How a row looked after a call. */
interface DraftMoment {
  /** Tokens settled. */
  readonly settled: number;
  /** What was drafted behind them. */
  readonly draft: readonly number[];
}

/** One row. */
export class DraftRow {
  readonly #options: DraftRowOptions;
  readonly #tokens: number[];
  readonly #tokenLogProbabilities: number[] = [];
  #logProbability = 0;
  #draft: readonly number[] = [];
  #draftLogProbabilities: readonly number[] = [];
  #calls = 0;
  #done = false;
  #verified = true;
  readonly #moments: DraftMoment[] = [];

  constructor(options: DraftRowOptions) {
    this.#options = options;
    this.#tokens = [...options.forced ?? []];
    this.#tokenLogProbabilities.push(...this.#tokens.map(() => NaN));
    this.#done = this.#tokens.length >= options.limit;
    this.#verified = !this.#done;
  }

  get row(): number {
    return this.#options.row;
  }

  /** What has settled, the end token included once it has. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** The log-probability of each token when it settled; NaN of one that the row was begun with. */
  get tokenLogProbabilities(): readonly number[] {
    return this.#tokenLogProbabilities;
  }

  /** The sum of the log-probabilities of the tokens, each given those before it. */
  get logProbability(): number {
    return this.#logProbability;
  }

  /** Whether every token was chosen by what settled slots predict, not left from a draft. */
  get verified(): boolean {
    return this.#verified;
  }

  /** Network calls made. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether nothing more is to come. */
  get done(): boolean {
    return this.#done;
  }

  /** How it looked after each call. */
  get moments(): readonly DraftMoment[] {
    return this.#moments;
  }

  /** What it was begun with and no call has seen: the next one tells how likely that was. */
  get unseen(): readonly number[] {
    return this.#calls === 0 ? this.#tokens : [];
  }

  /** What the slots of the next call hold: the last settled token, and the draft. */
  get stream(): number[] {
    if (this.#calls === 0) return [this.#options.startId, ...this.#tokens];
    return [this.#tokens.at(-1)!, ...this.#draft];
  }

  /**
   * The slot of the stream after which a single block is most likely to be of use: the draft is right up
   * to there, and no further. Without log-probabilities of the draft, its last.
   */
  get likeliestEnd(): number {
    if (this.#calls === 0) return this.#tokens.length;
    let place = this.#draft.length, best = -Infinity, right = 0;
    for (let i = 0; i <= this.#draft.length; i++) {
      const next = Math.exp(this.#draftLogProbabilities[i] ?? -Infinity);
      const score = right + Math.log1p(-Math.min(next, 1 - 1e-9));
      if (score > best) [best, place] = [score, i];
      right += this.#draftLogProbabilities[i] ?? 0;
    }
    return place;
  }

  /**
   * Takes in what a call predicts for every slot of the stream.
   *
   * @param ids the likeliest tokens, [stream, top]
   * @param logProbabilities theirs, or undefined where nobody asks
   * @param unseen those of what no call had seen
   * @returns how many slots of the stream stay, and the token chosen after them
   */
  verify(
    ids: Int32Array,
    logProbabilities: Float32Array | undefined,
    top: number,
    unseen?: Float32Array,
  ): { readonly keep: number; readonly left: number } {
    const { endId, limit, chooser } = this.#options;
    const known = this.unseen.length;
    for (let slot = 0; slot < known; slot++) this.#logProbability += unseen?.[slot] ?? 0;
    this.#calls++;
    for (let slot = known;; slot++) {
      const range = [slot * top, (slot + 1) * top] as const;
      const { id, logProbability } = chooser(
        this.#tokens,
        ids.subarray(...range),
        logProbabilities?.subarray(...range),
      );
      this.#settle(id, logProbability);
      const drafted = this.#draft[slot - known];
      this.#done = id === endId || this.#tokens.length >= limit;
      if (!this.#done && drafted === id) continue;
      this.#draft = [];
      this.#draftLogProbabilities = [];
      if (this.#done) this.#remember();
      return { keep: slot + 1, left: id };
    }
  }

  /**
   * Takes a draft of what follows, which may be empty, unless the row is done. Where the calls are used
   * up it settles, and the row is done.
   *
   * @param logProbabilities of its tokens, each given those before it
   */
  propose(ids: ArrayLike<number>, logProbabilities: ArrayLike<number>): void {
    const { endId, limit, rule } = this.#options;
    const isLast = this.#calls >= this.#options.mostCalls;
    // A draft that is to be verified leaves room for the token that follows it.
    const room = limit - this.#tokens.length - (isLast ? 0 : 1);
    const draft = Array.from(ids).slice(0, room);
    const end = draft.indexOf(endId);
    if (end >= 0) draft.length = end + 1;
    if (!isLast) {
      this.#draft = draft;
      this.#draftLogProbabilities = Array.from(logProbabilities).slice(0, draft.length);
    } else {
      for (const [i, id] of draft.entries()) {
        if (rule !== undefined && !allows(rule, this.#tokens, id)) break;
        this.#settle(id, logProbabilities[i]!);
        this.#verified = false;
      }
      this.#done = true;
    }
    this.#remember();
  }

  #settle(id: number, logProbability: number): void {
    this.#tokens.push(id);
    this.#tokenLogProbabilities.push(logProbability);
    this.#logProbability += logProbability;
  }

  #remember(): void {
    this.#moments.push({ settled: this.#tokens.length, draft: this.#draft });
  }
}
