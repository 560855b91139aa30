/**
 * Writes targets in the shifted layout, many at once, each in as many network calls as it needs: what a
 * draft gets right settles together (adaptive calls). Rows that are done leave the calls and make room.
 */
import type { DraftRow } from "./draft_row.ts";

/** A network call over some rows: `NativeDecoding.step`. */
export interface DecodingStep {
  /** [A] numbers of the rows. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** [A] new settled slots of each row, at least 1. */
  readonly streamCounts: Int32Array<ArrayBuffer>;
  /** [sum of them] what each holds. */
  readonly streamIds: Int32Array<ArrayBuffer>;
  /** Waiting slots k of a block. */
  readonly width: number;
  /** [sum], 1 where a block begins after the slot. */
  readonly blocks: Uint8Array<ArrayBuffer>;
  /** How many tokens are wanted of each slot. */
  readonly top: number;
  /** [sum, top] receives the likeliest tokens of each slot, the likeliest first. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [sum, top] receives their log-probabilities. */
  readonly logProbabilities?: Float32Array<ArrayBuffer>;
}

/** What becomes of the slots of the last call: `NativeDecoding.keep`. */
export interface DecodingKeep {
  /** [A] numbers of the rows. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** [A] so many of the call's new settled slots stay. */
  readonly counts: Int32Array<ArrayBuffer>;
  /** [A] the token chosen after the last of them. */
  readonly left: Int32Array<ArrayBuffer>;
  /** [A, k] receives the tokens of the block that begins there. */
  readonly draft?: Int32Array<ArrayBuffer>;
  /** [A, k] receives their log-probabilities, each given those before it. */
  readonly draftLogProbabilities?: Float32Array<ArrayBuffer>;
}

/** What rows are written with. */
export interface DraftingNetwork {
  step(step: DecodingStep): Promise<void>;
  keep(keep: DecodingKeep): Promise<void>;
}

/** Where blocks begin: after every slot of a stream, or after the one where it is likeliest of use. */
export type BlockLayout = "every" | "likeliest";

/** How many slots are drafted, and how. */
export interface DraftPlan {
  /** Waiting slots k of a block; 0: none, one slot a call. */
  readonly width: number;
  readonly blocks: BlockLayout;
}

/** How rows are written. */
export interface DraftOptions {
  /** Rows in a call, at most. */
  readonly rowsAtOnce: number;
  /** How a call of so many rows drafts. */
  readonly plan: (rows: number) => DraftPlan;
  /** How many of the likeliest tokens choosers are given. */
  readonly top: number;
  /** Whether log-probabilities are wanted. */
  readonly logProbabilities: boolean;
}

/**
 * Writes rows to their ends. What a row becomes does not depend on the others.
 *
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function draftAndVerify(
  network: DraftingNetwork,
  rows: readonly DraftRow[],
  options: DraftOptions,
  signal?: AbortSignal,
): Promise<void> {
  let active: DraftRow[] = [], next = 0;
  for (;;) {
    active = active.filter(({ done }) => !done);
    const room = options.rowsAtOnce - active.length;
    active.push(...rows.slice(next, next + room));
    next = Math.min(next + room, rows.length);
    if (active.length === 0) return;
    signal?.throwIfAborted();
    await oneCall(network, active, options);
  }
}

/** What a row leaves of a call. */
interface Verified {
  readonly row: DraftRow;
  readonly keep: number;
  readonly left: number;
  /** Whether a block begins after the last slot that stays. */
  readonly drafts: boolean;
}

async function oneCall(
  network: DraftingNetwork,
  rows: readonly DraftRow[],
  options: DraftOptions,
): Promise<void> {
  const { top } = options;
  const { width, blocks: layout } = options.plan(rows.length);
  const streams = rows.map(({ stream }) => stream);
  const total = streams.reduce((sum, { length }) => sum + length, 0);
  const blocks = new Uint8Array(total).fill(width > 0 && layout === "every" ? 1 : 0);
  if (width > 0 && layout === "likeliest") {
    let first = 0;
    for (const [i, { length }] of streams.entries()) {
      blocks[first + rows[i]!.likeliestEnd] = 1;
      first += length;
    }
  }
  const ids = new Int32Array(total * top);
  const logProbabilities = options.logProbabilities ? new Float32Array(total * top) : undefined;
  await network.step({
    rows: Int32Array.from(rows, ({ row }) => row),
    streamCounts: Int32Array.from(streams, ({ length }) => length),
    streamIds: Int32Array.from(streams.flat()),
    width,
    blocks,
    top,
    ids,
    ...(logProbabilities && { logProbabilities }),
  });
  let first = 0;
  const verified = rows.map((row, i): Verified => {
    const range = [first * top, (first + streams[i]!.length) * top] as const;
    const { keep, left } = row.verify(
      ids.subarray(...range),
      logProbabilities?.subarray(...range),
      top,
    );
    const drafts = blocks[first + keep - 1] === 1;
    first += streams[i]!.length;
    return { row, keep, left, drafts };
  }).filter(({ row }) => !row.done);
  const likelihoods = options.logProbabilities || layout === "likeliest";
  await keepAndDraft(network, verified.filter(({ drafts }) => drafts), width, likelihoods);
  await keepAndDraft(network, verified.filter(({ drafts }) => !drafts), 0, false);
}

/** Drops what was not right from the rows of a call, and drafts `width` tokens of each. */
async function keepAndDraft(
  network: DraftingNetwork,
  verified: readonly Verified[],
  width: number,
  likelihoods: boolean,
): Promise<void> {
  if (verified.length === 0) return;
  const draft = new Int32Array(verified.length * width);
  const draftLogProbabilities = new Float32Array(draft.length);
  await network.keep({
    rows: Int32Array.from(verified, ({ row }) => row.row),
    counts: Int32Array.from(verified, ({ keep }) => keep),
    left: Int32Array.from(verified, ({ left }) => left),
    ...(width > 0 && { draft }),
    ...(width > 0 && likelihoods && { draftLogProbabilities }),
  });
  for (const [i, { row }] of verified.entries()) {
    const range = [i * width, (i + 1) * width] as const;
    row.propose(draft.subarray(...range), draftLogProbabilities.subarray(...range));
  }
}
