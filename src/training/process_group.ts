/**
 * The processes that train one model together, each with a rank, in terms of training. A process that
 * trains alone is a group of its own, in which nothing is exchanged.
 */
import { bytesOf } from "../denoiser/tensors.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { NativeError } from "../native/errors.ts";
import { NativeGroup } from "../native/group.ts";
import type { RankPlace } from "./launcher.ts";

/**
 * Ranks of a training. All make the same calls in the same order; where one has ended or does not
 * answer, the call of every other one throws a {@linkcode UserError}.
 */
export interface ProcessGroup extends Disposable {
  readonly rank: number;
  readonly size: number;
  /** This process among those of its machine, and how many of them there are. */
  readonly localRank: number;
  readonly localSize: number;
  /** Whether this is the rank that writes, and tells people. */
  readonly isFirst: boolean;
  /** Seconds spent in exchanges of this interface, waiting for others included. */
  readonly seconds: number;

  /** A text of every rank, in their order. */
  gatherTexts(mine: string): Promise<string[]>;
  /** Numbers of every rank, as many of each, in their order. */
  gatherNumbers(mine: Float64Array<ArrayBuffer>): Promise<Float64Array<ArrayBuffer>>;
  /** Replaces values by those of rank 0. */
  share(values: Float32Array<ArrayBuffer>): Promise<void>;
  /**
   * Runs a task on rank 0 alone and gives its result, in JSON, to all. The others wait for it as long
   * as for any exchange; what may take longer is for `whileOthersWait()` of agreement.ts.
   *
   * @throws on every rank what it throws there
   */
  first<T>(task: () => T | Promise<T>): Promise<T>;
  /** Adds gradients of the first `contributors` ranks, in their order, to a sum. */
  addGradients(values: Float32Array<ArrayBuffer>, contributors: number): Promise<void>;
  /** Replaces values by that sum, and begins anew. */
  collectGradients(values: Float32Array<ArrayBuffer>): Promise<void>;
}

/** A process that trains alone. */
export const ALONE: ProcessGroup = {
  rank: 0,
  size: 1,
  localRank: 0,
  localSize: 1,
  isFirst: true,
  seconds: 0,
  gatherTexts: (mine) => Promise.resolve([mine]),
  gatherNumbers: (mine) => Promise.resolve(mine),
  share: () => Promise.resolve(),
  first: async (task) => await task(),
  addGradients: () => Promise.reject(new Error("A process alone adds up gradients in its trainer")),
  collectGradients: () =>
    Promise.reject(new Error("A process alone adds up gradients in its trainer")),
  [Symbol.dispose]() {},
};

/**
 * Joins the other ranks.
 *
 * @param seconds how long to wait for ranks: to come, and later to answer
 * @throws {UserError} where they do not come
 */
export async function joinRanks(place: RankPlace, seconds: number): Promise<ProcessGroup> {
  const milliseconds = Math.round(1000 * seconds);
  try {
    return new Ranks(place, await NativeGroup.join(place, milliseconds, milliseconds));
  } catch (error) {
    throw ended(place, error);
  }
}

class Ranks implements ProcessGroup {
  readonly #place: RankPlace;
  readonly #native: NativeGroup;
  #milliseconds = 0;

  constructor(place: RankPlace, native: NativeGroup) {
    this.#place = place;
    this.#native = native;
  }

  get rank(): number {
    return this.#place.rank;
  }

  get size(): number {
    return this.#place.size;
  }

  get localRank(): number {
    return this.#place.localRank;
  }

  get localSize(): number {
    return this.#place.localSize;
  }

  get isFirst(): boolean {
    return this.rank === 0;
  }

  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  async gatherTexts(mine: string): Promise<string[]> {
    const text = new TextEncoder().encode(mine);
    const lengths = await this.gatherNumbers(Float64Array.of(text.length));
    const longest = Math.max(1, ...lengths);
    const padded = new Uint8Array(longest);
    padded.set(text);
    const all = await this.#exchange(() => this.#native.gather(padded));
    return Array.from(
      lengths,
      (length, rank) =>
        new TextDecoder().decode(all.subarray(rank * longest, rank * longest + length)),
    );
  }

  async gatherNumbers(mine: Float64Array<ArrayBuffer>): Promise<Float64Array<ArrayBuffer>> {
    const all = await this.#exchange(() => this.#native.gather(bytesOf(mine)));
    return new Float64Array(all.buffer);
  }

  share(values: Float32Array<ArrayBuffer>): Promise<void> {
    return this.#exchange(() => this.#native.broadcast(values));
  }

  async first<T>(task: () => T | Promise<T>): Promise<T> {
    if (!this.isFirst) return outcomeOf<T>(await this.#receive());
    let outcome: Outcome<T>;
    let thrown: unknown;
    try {
      outcome = { value: await task() };
    } catch (error) {
      thrown = error;
      const exitCode = error instanceof UserError ? error.exitCode : ExitCode.internal;
      outcome = { error: messageOf(error), exitCode };
    }
    await this.#send(JSON.stringify(outcome));
    if ("error" in outcome) throw thrown;
    return outcome.value;
  }

  addGradients(values: Float32Array<ArrayBuffer>, contributors: number): Promise<void> {
    return this.#exchange(() => this.#native.add(values, contributors));
  }

  collectGradients(values: Float32Array<ArrayBuffer>): Promise<void> {
    return this.#exchange(() => this.#native.collect(values));
  }

  [Symbol.dispose](): void {
    this.#native[Symbol.dispose]();
  }

  async #send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    await this.#exchange(() => this.#native.broadcast(Float64Array.of(bytes.length)));
    if (bytes.length > 0) await this.#exchange(() => this.#native.broadcast(bytes));
  }

  async #receive(): Promise<string> {
    const length = new Float64Array(1);
    await this.#exchange(() => this.#native.broadcast(length));
    const bytes = new Uint8Array(length[0]!);
    if (bytes.length > 0) await this.#exchange(() => this.#native.broadcast(bytes));
    return new TextDecoder().decode(bytes);
  }

  async #exchange<T>(call: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await call();
    } catch (error) {
      throw ended(this.#place, error);
    } finally {
      this.#milliseconds += performance.now() - began;
    }
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: string; readonly exitCode: ExitCode };

function outcomeOf<T>(json: string): T {
  const outcome: Outcome<T> = JSON.parse(json);
  if ("error" in outcome) throw new UserError(outcome.exitCode, outcome.error);
  return outcome.value;
}

function ended({ rank, size }: RankPlace, error: unknown): unknown {
  if (!(error instanceof NativeError)) return error;
  return new UserError(
    ExitCode.ranks,
    `Rank ${rank} of ${size} cannot go on: ${error.message}; see what the other ranks said, and ` +
      "start all of them again with --resume",
    { cause: error },
  );
}
