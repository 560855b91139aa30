/**
 * Writes targets in the shifted layout, many at once, each in as many network calls as it needs: what a
 * draft gets right settles together (adaptive calls). Rows that are done leave the calls and make room.
 */
import type { NativeDecoding } from "../native/decoding.ts";
import type { DraftRow } from "./draft_row.ts";

/** What rows are written with. */
export type DraftingNetwork = Pick<NativeDecoding, "step" | "keep">;

/**
 * Where blocks of waiting slots begin: after every slot of a stream, after the one where it is likeliest
 * of use, or, in a pass of its own once it is known, after the last that stays.
 */
type BlockLayout = "every" | "likeliest" | "after";

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
  const begun = rows.filter(({ done }) => !done);
  let active: DraftRow[] = [], next = 0;
  for (;;) {
    active = active.filter(({ done }) => !done);
    const room = options.rowsAtOnce - active.length;
    active.push(...begun.slice(next, next + room));
    next = Math.min(next + room, begun.length);
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
  /** Whether slots of the stream go. */
  readonly drops: boolean;
  /** Whether a block began after the last slot that stays. */
  readonly blockRan: boolean;
}

async function oneCall(
  network: DraftingNetwork,
  rows: readonly DraftRow[],
  { plan, top, logProbabilities }: DraftOptions,
): Promise<void> {
  const { width, blocks: layout } = plan(rows.length);
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
  const likelihoods = logProbabilities ? new Float32Array(total * top) : undefined;
  const unseen = logProbabilities ? wantedOf(rows, streams, total) : undefined;
  await network.step({
    rows: Int32Array.from(rows, ({ row }) => row),
    streamCounts: Int32Array.from(streams, ({ length }) => length),
    streamIds: Int32Array.from(streams.flat()),
    width,
    blocks,
    top,
    ids,
    ...(likelihoods && { logProbabilities: likelihoods }),
    ...(unseen && { wanted: unseen }),
  });
  let first = 0;
  const going = rows.map((row, i): Verified => {
    const range = [first * top, (first + streams[i]!.length) * top] as const;
    const { keep, left } = row.verify(
      ids.subarray(...range),
      likelihoods?.subarray(...range),
      top,
      unseen?.logProbabilities.subarray(first, first + streams[i]!.length),
    );
    const blockRan = blocks[first + keep - 1] === 1, { length } = streams[i]!;
    first += length;
    return { row, keep, left, drops: keep < length, blockRan };
  }).filter(({ row }) => !row.done);
  const drafts = ({ blockRan }: Verified) => blockRan || (width > 0 && layout === "after");
  const scored = logProbabilities || layout === "likeliest";
  await keepAndDraft(network, going.filter(drafts), width, scored);
  const others = going.filter((verified) => !drafts(verified));
  // Of one slot a call nothing is dropped: that takes no call of the shim.
  await keepAndDraft(network, others.filter(({ drops }) => drops), 0, false);
  for (const { row } of others.filter(({ drops }) => !drops)) row.propose([], []);
}

/** Asks for the log-probabilities of what rows begin with; undefined where none has a beginning. */
function wantedOf(
  rows: readonly DraftRow[],
  streams: readonly (readonly number[])[],
  total: number,
): { ids: Int32Array<ArrayBuffer>; logProbabilities: Float32Array<ArrayBuffer> } | undefined {
  if (rows.every(({ unseen }) => unseen.length === 0)) return undefined;
  const ids = new Int32Array(total);
  let first = 0;
  for (const [i, { length }] of streams.entries()) {
    ids.set(rows[i]!.unseen, first);
    first += length;
  }
  return { ids, logProbabilities: new Float32Array(total) };
}

/** Drops what was not right from the rows of a call, and drafts `width` tokens of each. */
async function keepAndDraft(
  network: DraftingNetwork,
  verified: readonly Verified[],
  width: number,
  scored: boolean,
): Promise<void> {
  if (verified.length === 0) return;
  const draft = new Int32Array(verified.length * width);
  const draftLogProbabilities = new Float32Array(draft.length);
  await network.keep({
    rows: Int32Array.from(verified, ({ row }) => row.row),
    counts: Int32Array.from(verified, ({ keep }) => keep),
    ...(width > 0 && { left: Int32Array.from(verified, ({ left }) => left), draft }),
    ...(width > 0 && scored && { draftLogProbabilities }),
  });
  for (const [i, { row }] of verified.entries()) {
    const range = [i * width, (i + 1) * width] as const;
    row.propose(draft.subarray(...range), draftLogProbabilities.subarray(...range));
  }
}
