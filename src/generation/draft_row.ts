/**
 * A target in the shifted layout while it is written: what has settled, and a draft of what follows.
 *
 * In every call the last settled token and the draft stand as settled slots, each of which says what
 * should follow it. As far as that is the draft, the draft settles, and one token more; blocks of waiting
 * slots give the next draft (blockwise parallel decoding, Stern et al. 2018). What settles is what one
 * slot a call would have given: the draft decides about calls, not about text.
 *
 * Where a text has several gaps, one that ends brings what is known up to the next: it settles as what a
 * row begins with does, and is in the next call.
 */
import type { TokenChooser } from "./token_chooser.ts";
import { allows, type TokenRule } from "./token_rules.ts";

/** The gaps of a text behind its first. */
export interface FurtherGaps {
  /** What ends each gap but the last, which the end token ends. */
  readonly mark: number;
  /** What is known before each of them, the mark that ends the gap before it included. */
  readonly heads: readonly (readonly number[])[];
}

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
  /** What else there is to fill; calls are not fewer than gaps. */
  readonly gaps?: FurtherGaps | undefined;
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
  /** How many of the further gaps have been begun. */
  #begun = 0;
  /** The last so many tokens have been in no call. */
  #unseen: number;
  readonly #moments: DraftMoment[] = [];

  constructor(options: DraftRowOptions) {
    this.#options = options;
    this.#tokens = [...options.forced ?? []];
    this.#tokenLogProbabilities.push(...this.#tokens.map(() => NaN));
    this.#unseen = this.#tokens.length;
    this.#done = this.#tokens.length >= options.limit && this.#gapsLeft === 0;
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

  /** What is known and no call has seen: the next one tells how likely that was. */
  get unseen(): readonly number[] {
    return this.#tokens.slice(this.#tokens.length - this.#unseen);
  }

  /** What the slots of the next call hold: the last token of the one before, and what follows it. */
  get stream(): number[] {
    const last = this.#tokens.at(-1 - this.#unseen) ?? this.#options.startId;
    return [last, ...this.unseen, ...this.#draft];
  }

  /**
   * The slot of the stream after which a single block is most likely to be of use: the draft is right up
   * to there, and no further. Without log-probabilities of the draft, its last.
   */
  get likeliestEnd(): number {
    if (this.#unseen > 0) return this.#unseen;
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
    const known = this.#unseen;
    for (let slot = 0; slot < known; slot++) this.#logProbability += unseen?.[slot] ?? 0;
    this.#calls++;
    this.#unseen = 0;
    for (let slot = known;; slot++) {
      const range = [slot * top, (slot + 1) * top] as const;
      const { id, logProbability } = this.#choose(
        ids.subarray(...range),
        logProbabilities?.subarray(...range),
      );
      this.#settle(id, logProbability);
      const drafted = this.#draft[slot - known];
      const between = this.#beginGap(id);
      this.#done = !between && this.#isOver(id);
      if (!between && !this.#done && drafted === id) continue;
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
    const { rule } = this.#options;
    // What is known behind a gap is not drafted.
    if (this.#unseen > 0) return this.#remember();
    const isLast = this.#calls + this.#gapsLeft >= this.#options.mostCalls;
    // A draft that is to be verified leaves room for the token that follows it.
    const room = this.#limit - this.#tokens.length - (isLast || this.#gapsLeft > 0 ? 0 : 1);
    const draft = Array.from(ids).slice(0, Math.max(0, room));
    const end = draft.findIndex((id) => this.#ends(id));
    if (end >= 0) draft.length = end + 1;
    if (!isLast) {
      this.#draft = draft;
      this.#draftLogProbabilities = Array.from(logProbabilities).slice(0, draft.length);
    } else {
      this.#takeUnverified(draft, logProbabilities, rule);
    }
    this.#remember();
  }

  /** Settles a draft as it is: with it the text ends, or the gap. */
  #takeUnverified(
    draft: readonly number[],
    logProbabilities: ArrayLike<number>,
    rule: TokenRule | undefined,
  ): void {
    const seen = this.#tokens.length;
    for (const [i, id] of draft.entries()) {
      if (rule !== undefined && !allows(rule, this.#tokens, id)) break;
      this.#verified = false;
      if (this.#gapsLeft > 0 && this.#ends(id)) break;
      this.#settle(id, logProbabilities[i]!);
    }
    const { gaps } = this.#options;
    if (gaps === undefined || this.#gapsLeft === 0) {
      this.#done = true;
      return;
    }
    this.#verified = false;
    this.#settle(gaps.mark, NaN);
    this.#beginGap(gaps.mark);
    this.#unseen = this.#tokens.length - seen;
  }

  /** The token that comes next: a gap that has no room left ends, and so does one at the text's end. */
  #choose(
    ids: Int32Array,
    logProbabilities: Float32Array | undefined,
  ): ReturnType<TokenChooser> {
    const { chooser, endId, gaps } = this.#options;
    const between = gaps !== undefined && this.#gapsLeft > 0;
    if (between && this.#tokens.length >= this.#limit) {
      return { id: gaps.mark, logProbability: NaN };
    }
    const chosen = chooser(this.#tokens, ids, logProbabilities);
    return between && chosen.id === endId ? { id: gaps.mark, logProbability: NaN } : chosen;
  }

  /** Settles what is known up to the next gap, where a token ends one that others follow. */
  #beginGap(id: number): boolean {
    const { gaps } = this.#options;
    if (gaps === undefined || this.#gapsLeft === 0 || id !== gaps.mark) return false;
    const known = gaps.heads[this.#begun++]!.slice(1);
    for (const token of known) this.#settle(token, NaN, 0);
    this.#unseen = known.length;
    return true;
  }

  get #gapsLeft(): number {
    return (this.#options.gaps?.heads.length ?? 0) - this.#begun;
  }

  /** How many tokens there may be up to the end of the gap: what follows has its room. */
  get #limit(): number {
    const heads = this.#options.gaps?.heads.slice(this.#begun) ?? [];
    return heads.reduce((left, { length }) => left - length - 1, this.#options.limit);
  }

  #ends(id: number): boolean {
    return id === this.#options.endId || this.#gapsLeft > 0 && id === this.#options.gaps!.mark;
  }

  #isOver(id: number): boolean {
    return this.#gapsLeft === 0 &&
      (id === this.#options.endId || this.#tokens.length >= this.#options.limit);
  }

  #settle(id: number, logProbability: number, counted = logProbability): void {
    this.#tokens.push(id);
    this.#tokenLogProbabilities.push(logProbability);
    this.#logProbability += counted;
  }

  #remember(): void {
    this.#moments.push({ settled: this.#tokens.length, draft: this.#draft });
  }
}
