import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  draftAndVerify,
  type DraftingNetwork,
  type DraftOptions,
} from "../../src/generation/draft_and_verify.ts";
import { DraftRow, type FurtherGaps } from "../../src/generation/draft_row.ts";
import {
  drawKey,
  drawn,
  likeliest,
  type TokenChooser,
} from "../../src/generation/token_chooser.ts";
import { Random } from "../../src/random.ts";

const END = 2, START = 1;

/** What a row's target is, token by token: a function of the row and of what came before. */
function nextToken(row: number, settled: readonly number[]): number {
  if (settled.length >= 4 + 3 * (row % 4)) return END;
  return 3 + new Random(row, 0, ...settled).below(5);
}

/** A network that knows the targets, whose drafts are right for a while and then wrong. */
class FakeNetwork implements DraftingNetwork {
  readonly caches = new Map<number, number[]>();
  /** The rows of each call, and how many had started by then. */
  readonly rowsOfCalls: number[] = [];
  readonly startedBy: number[] = [];
  keeps = 0;
  #blocks: Uint8Array = new Uint8Array();
  #starts = new Map<number, number>();

  step(step: Parameters<DraftingNetwork["step"]>[0]): Promise<void> {
    this.rowsOfCalls.push(step.rows.length);
    this.#blocks = step.blocks.slice();
    this.#starts.clear();
    let first = 0;
    step.rows.forEach((row, i) => {
      const cache = this.caches.get(row) ?? [];
      this.#starts.set(row, first);
      for (let slot = 0; slot < step.streamCounts[i]!; slot++) {
        cache.push(step.streamIds[first + slot]!);
        const chosen = nextToken(row, cache.slice(1));
        for (let rank = 0; rank < step.top; rank++) {
          const at = (first + slot) * step.top + rank;
          step.ids[at] = rank === 0 ? chosen : 3 + (chosen + rank) % 6;
          if (step.logProbabilities) step.logProbabilities[at] = Math.log(0.6 / 2 ** rank);
        }
      }
      this.caches.set(row, cache);
      first += step.streamCounts[i]!;
    });
    this.startedBy.push(this.caches.size);
    return Promise.resolve();
  }

  keep(keep: Parameters<DraftingNetwork["keep"]>[0]): Promise<void> {
    this.keeps++;
    keep.rows.forEach((row, i) => {
      const cache = this.caches.get(row)!;
      const start = this.#starts.get(row)!;
      const before = cache.length - this.#streamOf(row);
      cache.length = before + keep.counts[i]!;
      if (keep.draft === undefined) return;
      if (this.#blocks.includes(1)) {
        assert(this.#blocks[start + keep.counts[i]! - 1] === 1, "a draft where no block began");
      }
      const width = keep.draft.length / keep.rows.length;
      const text = [...cache.slice(1), keep.left![i]!];
      for (let k = 0; k < width; k++) {
        const right = nextToken(row, text);
        const wrong = new Random(row, 1, text.length).uniform() < 0.3;
        text.push(wrong ? 3 + (right + 1) % 6 : right);
        keep.draft[i * width + k] = text.at(-1)!;
        if (keep.draftLogProbabilities) keep.draftLogProbabilities[i * width + k] = -0.3;
      }
    });
    return Promise.resolve();
  }

  // Streams of a call lie one behind the other.
  #streamOf(row: number): number {
    const starts = [...this.#starts.values(), this.#blocks.length].sort((a, b) => a - b);
    const start = this.#starts.get(row)!;
    return starts.find((other) => other > start)! - start;
  }
}

async function write(
  rows: number,
  options: Partial<DraftOptions> & { readonly width: number },
  { mostCalls = Infinity, chooser = () => likeliest, forced, gaps }: {
    mostCalls?: number;
    forced?: readonly number[];
    gaps?: FurtherGaps;
    chooser?: (row: number) => TokenChooser;
  } = {},
) {
  const network = new FakeNetwork();
  const written = Array.from(
    { length: rows },
    (_, row) =>
      new DraftRow({
        row,
        startId: START,
        endId: END,
        limit: 12,
        mostCalls,
        chooser: chooser(row),
        ...(forced && { forced }),
        gaps,
      }),
  );
  await draftAndVerify(network, written, {
    rowsAtOnce: 4,
    plan: () => ({ width: options.width, blocks: "every" }),
    top: 1,
    logProbabilities: false,
    ...options,
  });
  return { network, written };
}

const texts = ({ written }: Awaited<ReturnType<typeof write>>) =>
  written.map(({ tokens }) => [...tokens]);

Deno.test("draftAndVerify() writes the same text for every width, layout and number of rows at once", async () => {
  const expected = texts(await write(9, { width: 0 }));
  for (const [row, text] of expected.entries()) {
    assertEquals(text, text.map((_, i) => nextToken(row, text.slice(0, i))));
  }
  for (const width of [1, 2, 4, 7]) {
    for (const rowsAtOnce of [1, 3, 100]) {
      assertEquals(texts(await write(9, { width, rowsAtOnce })), expected);
    }
    for (const blocks of ["likeliest", "after"] as const) {
      assertEquals(texts(await write(9, { width, plan: () => ({ width, blocks }) })), expected);
    }
    const changing = (rows: number) => ({ width: rows % 2 ? width : 0, blocks: "every" }) as const;
    assertEquals(texts(await write(9, { width, plan: changing })), expected);
  }
});

Deno.test("draftAndVerify() asks nothing but steps where a call has one slot a row", async () => {
  assertEquals((await write(9, { width: 0 })).network.keeps, 0);
});

Deno.test("draftAndVerify() needs fewer calls with drafts, and counts them", async () => {
  const calls = async (width: number) =>
    (await write(8, { width })).written.map(({ calls }) => calls);
  const [one, four] = [await calls(0), await calls(4)];
  assertEquals(one, texts(await write(8, { width: 0 })).map(({ length }) => length));
  assert(four.every((count, row) => count <= one[row]!));
  assert(four.reduce((a, b) => a + b) < 0.7 * one.reduce((a, b) => a + b), `${four} of ${one}`);
});

Deno.test("draftAndVerify() keeps in a row's cache what settled and nothing else", async () => {
  const { network, written } = await write(6, { width: 4 });
  for (const { row, tokens } of written) {
    // The slot of the last token would predict what follows the end: it is in no call.
    const cache = network.caches.get(row)!;
    assertEquals(cache.slice(0, tokens.length), [START, ...tokens.slice(0, -1)]);
  }
});

Deno.test("draftAndVerify() fills the place of rows that are done", async () => {
  const { network } = await write(12, { width: 2, rowsAtOnce: 4 });
  const all = network.rowsOfCalls.findIndex((_, call) => network.startedBy[call] === 12);
  assert(all > 0);
  assertEquals(network.rowsOfCalls.slice(0, all), Array(all).fill(4));
});

Deno.test("draftAndVerify() settles the draft in the last call", async () => {
  const { written } = await write(8, { width: 4 }, { mostCalls: 2 });
  for (const { calls, tokens, done } of written) {
    assert(done && calls <= 2);
    assert(tokens.length > 1);
    assert(tokens.indexOf(END) < 0 || tokens.indexOf(END) === tokens.length - 1);
  }
  const one = await write(8, { width: 0 }, { mostCalls: 3 });
  assertEquals(one.written.map(({ tokens }) => tokens.length), Array(8).fill(3));
});

Deno.test("draftAndVerify() never writes more tokens than the limit", async () => {
  for (const width of [0, 3]) {
    const { written } = await write(4, { width }, {
      chooser: () => (_, ids) => ({ id: ids[0] === END ? 3 : ids[0]!, logProbability: 0 }),
    });
    for (const { tokens } of written) assertEquals(tokens.length, 12);
  }
});

Deno.test("draftAndVerify() draws the same text for every width", async () => {
  const chooser = (row: number) =>
    drawn(drawKey(5n, [7, row], 1), { temperature: 1, epsilon: 0.02, topP: 1 });
  const options = { top: 4, logProbabilities: true };
  const draws = async (width: number) => texts(await write(8, { width, ...options }, { chooser }));
  const expected = await draws(0);
  assert(JSON.stringify(expected) !== JSON.stringify(texts(await write(8, { width: 0 }))));
  for (const width of [1, 4]) assertEquals(await draws(width), expected);
});

Deno.test("draftAndVerify() stops between calls when it is told to", async () => {
  const network = new FakeNetwork();
  const row = new DraftRow({
    row: 0,
    startId: START,
    endId: END,
    limit: 9,
    mostCalls: 9,
    chooser: likeliest,
  });
  const stop = new AbortController();
  stop.abort(new Error("enough"));
  const options = {
    rowsAtOnce: 1,
    plan: () => ({ width: 0, blocks: "every" }) as const,
    top: 1,
    logProbabilities: false,
  };
  await assertRejects(() => draftAndVerify(network, [row], options, stop.signal), Error, "enough");
});

Deno.test("DraftRow.moments tells what had settled and what was drafted after each call", async () => {
  const { written } = await write(1, { width: 4 });
  const [row] = written;
  assertEquals(row!.moments.length, row!.calls);
  assertEquals(row!.moments.at(-1), { settled: row!.tokens.length, draft: [] });
  assertEquals(row!.moments[0]!.draft.length, 4);
});

const MARK = 20;

/** A text with three gaps, `40 [ ] 41 42 [ ] 43 [ ]`, in which a gap ends at a token that 3 divides. */
const THREE_GAPS = {
  forced: [40, MARK],
  gaps: { mark: MARK, heads: [[MARK, 41, 42, MARK], [MARK, 43, MARK]] },
  chooser: (): TokenChooser => (tokens, ids) => ({
    id: ids[0] === 3 && tokens.filter((id) => id === MARK).length < 5 ? MARK : ids[0]!,
    logProbability: 0,
  }),
};

/** What stands between pairs of marks. */
function gapsOf(tokens: readonly number[]): number[][] {
  const parts: number[][] = [[]];
  for (const id of tokens) id === MARK ? parts.push([]) : parts.at(-1)!.push(id);
  return parts.filter((_, i) => i % 2 === 1);
}

Deno.test("draftAndVerify() fills several gaps, the same for every width, with what is known between", async () => {
  const expected = await write(12, { width: 0 }, THREE_GAPS);
  for (const { row, tokens } of expected.written) {
    assert(tokens.length <= 12, `${tokens}`);
    assertEquals(tokens.filter((id) => id >= 40), [40, 41, 42, 43]);
    assertEquals(tokens.filter((id) => id === MARK).length, 5);
    assertEquals(gapsOf(tokens).length, 3);
    // What the network was given is the text as it is written, and no gap's mark stands in for another.
    const cache = expected.network.caches.get(row)!;
    assertEquals(cache.slice(0, tokens.length), [START, ...tokens.slice(0, -1)]);
    assert(tokens.slice(0, -1).every((id) => id !== END), `${tokens}`);
  }
  assert(new Set(texts(expected).map((tokens) => tokens.join())).size > 4);
  for (const width of [1, 2, 4]) {
    for (const rowsAtOnce of [1, 3, 100]) {
      const written = await write(12, { width, rowsAtOnce }, THREE_GAPS);
      assertEquals(texts(written), texts(expected));
      for (const [i, { calls, moments }] of written.written.entries()) {
        assert(calls <= expected.written[i]!.calls);
        assertEquals(moments.length, calls);
      }
    }
  }
});

Deno.test("draftAndVerify() fills all gaps where calls are limited, in no more calls", async () => {
  for (const mostCalls of [3, 4, 5]) {
    for (
      const { calls, tokens, done } of (await write(12, { width: 4 }, { ...THREE_GAPS, mostCalls }))
        .written
    ) {
      assert(done && calls <= mostCalls, `${calls} calls of ${mostCalls}`);
      assertEquals(tokens.filter((id) => id >= 40), [40, 41, 42, 43]);
      assert(tokens.length <= 12);
      assert(gapsOf(tokens).length === 3);
    }
  }
});
