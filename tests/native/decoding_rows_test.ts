/** A row's texts depend on nothing but the row: alone, in company, with drafts taken back in between. */
import { assert, assertEquals } from "@std/assert";
import type { NetworkConfig } from "../../src/denoiser/config.ts";
import type { Denoiser } from "../../src/denoiser/denoiser.ts";
import type { NativeDecoding } from "../../src/native/decoding.ts";
import { Random } from "../denoiser/random.ts";
import { testOnOtherKernels } from "./kernels.ts";
import {
  batchOf,
  bfloat16,
  F32,
  NETWORKS,
  randomSources,
  sampleDenoiser,
} from "./sample_network.ts";

const ROWS = 11, LENGTH = 13, TOP = 3, WIDTH = 3, VOCABULARY = 101;
const SOURCES = randomSources(ROWS, 3);
const network: NetworkConfig = {
  ...NETWORKS[0]!,
  self_conditioning: false,
  time_conditioning: "none",
  shifted: true,
  token_chain: 20,
};
/** As wide as the network and not, heads that fill a vector and that do not. */
const SHIFTED: readonly NetworkConfig[] = [
  network,
  { ...network, embedding_size: 24, token_chain: 0 },
  { ...network, embedding_size: 32, hidden_size: 32, attention_heads: 2 },
  { ...network, embedding_size: network.hidden_size, shared_embeddings: true },
];
const random = new Random(8);
const TEXTS = SOURCES.map(() => Int32Array.from({ length: LENGTH }, () => random.below(101)));

/** What a row predicts for every position. */
interface Predicted {
  readonly ids: number[];
  readonly logProbabilities: number[];
}

/** Appends slots to rows, `ids[i]` to `rows[i]`; returns what each of them predicts, a block after each. */
async function append(
  decoding: NativeDecoding,
  rows: readonly number[],
  ids: readonly (readonly number[])[],
): Promise<Predicted[]> {
  const streamCounts = Int32Array.from(ids, ({ length }) => length);
  const streamIds = Int32Array.from(ids.flat());
  const found = new Int32Array(streamIds.length * TOP);
  const logProbabilities = new Float32Array(found.length);
  await decoding.step({
    rows: Int32Array.from(rows),
    streamCounts,
    streamIds,
    width: WIDTH,
    blocks: new Uint8Array(streamIds.length).fill(1),
    top: TOP,
    ids: found,
    logProbabilities,
  });
  let first = 0;
  return ids.map(({ length }) => {
    const range = [first * TOP, (first += length) * TOP] as const;
    return {
      ids: [...found.subarray(...range)],
      logProbabilities: [...logProbabilities.subarray(...range)],
    };
  });
}

/** Keeps slots of rows and drafts from them. */
async function keep(decoding: NativeDecoding, rows: readonly number[], counts: readonly number[]) {
  const draft = new Int32Array(rows.length * WIDTH);
  const draftLogProbabilities = new Float32Array(draft.length);
  await decoding.keep({
    rows: Int32Array.from(rows),
    counts: Int32Array.from(counts),
    left: Int32Array.from(rows, (row) => TEXTS[row]![0]!),
    draft,
    draftLogProbabilities,
  });
  return { draft: [...draft], likelihoods: [...draftLogProbabilities] };
}

function start(denoiser: Denoiser, portable = false): Promise<NativeDecoding> {
  return denoiser.decode(batchOf(SOURCES), {
    sourceOfRow: Int32Array.from(SOURCES, (_, row) => row),
    positions: LENGTH,
    portable,
  });
}

/** All of a row's text in one call. */
async function whole(denoiser: Denoiser, row: number): Promise<Predicted> {
  using decoding = await start(denoiser);
  return (await append(decoding, [row], [[...TEXTS[row]!]]))[0]!;
}

/** Texts written in calls of changing rows, wrong drafts behind what is right. */
async function inTurns(denoiser: Denoiser, seed: number): Promise<Predicted[]> {
  using decoding = await start(denoiser);
  const random = new Random(seed);
  const place = TEXTS.map(() => 0);
  const texts = TEXTS.map((): Predicted => ({ ids: [], logProbabilities: [] }));
  while (place.some((at) => at < LENGTH)) {
    const rows = TEXTS.map((_, row) => row)
      .filter((row) => place[row]! < LENGTH && random.below(3) > 0);
    if (rows.length === 0) continue;
    const right = rows.map((row) => 1 + random.below(Math.min(4, LENGTH - place[row]!)));
    const streams = rows.map((row, i) => {
      const first = place[row]!, end = first + right[i]!;
      const wrong = random.below(1 + Math.min(3, LENGTH - end));
      return [
        ...TEXTS[row]!.subarray(first, end),
        ...Array.from({ length: wrong }, () => random.below(101)),
      ];
    });
    const predicted = await append(decoding, rows, streams);
    for (const [i, row] of rows.entries()) {
      texts[row]!.ids.push(...predicted[i]!.ids.slice(0, right[i]! * TOP));
      texts[row]!.logProbabilities.push(
        ...predicted[i]!.logProbabilities.slice(0, right[i]! * TOP),
      );
      place[row]! += right[i]!;
    }
    await keep(decoding, rows, right);
  }
  return texts;
}

for (const [number, network] of SHIFTED.entries()) {
  Deno.test(
    `shifted network ${number}: a row has the same bits however it is decoded`,
    async () => {
      for (const dtype of ["f32", "bf16"] as const) {
        using denoiser = await sampleDenoiser(network, { ...F32, dtype, threads: 1 });
        using three = await sampleDenoiser(network, { ...F32, dtype, threads: 3 });
        const alone: Predicted[] = [];
        for (const row of TEXTS.keys()) alone.push(await whole(denoiser, row));
        assertEquals(await inTurns(denoiser, 1), alone, `${dtype}, in turns`);
        assertEquals(await inTurns(three, 2), alone, `${dtype}, on three threads`);
        using decoding = await start(three);
        const together = await append(decoding, [...TEXTS.keys()], TEXTS.map((ids) => [...ids]));
        assertEquals(together, alone, `${dtype}, at once`);
      }
    },
  );

  Deno.test(`shifted network ${number}: CPU kernels decode as the portable path does`, async () => {
    using denoiser = await sampleDenoiser(network, { ...F32, threads: 1 });
    using fused = await start(denoiser);
    using portable = await start(denoiser, true);
    const rows = [4, 0, 9], streams = rows.map((row) => [...TEXTS[row]!.subarray(0, 5 + row % 4)]);
    const [ours, theirs] = [
      await append(fused, rows, streams),
      await append(portable, rows, streams),
    ];
    for (const i of rows.keys()) {
      assertEquals(ours[i]!.ids, theirs[i]!.ids);
      ours[i]!.logProbabilities.forEach((value, at) =>
        assert(Math.abs(value - theirs[i]!.logProbabilities[at]!) < 2e-5)
      );
    }
    const counts = [3, 5, 1];
    assertEquals(
      (await keep(fused, rows, counts)).draft,
      (await keep(portable, rows, counts)).draft,
    );
  });
}

Deno.test("NativeDecoding.keep() drafts the same alone and in company, with its block or later", async () => {
  using denoiser = await sampleDenoiser(network, { ...F32, threads: 2 });
  const rows = [...TEXTS.keys()], counts = rows.map((row) => 1 + row % LENGTH);
  using beside = await start(denoiser);
  await append(beside, rows, TEXTS.map((ids) => [...ids]));
  const together = await keep(beside, rows, counts);
  for (const row of rows) {
    using alone = await start(denoiser);
    const stream = Int32Array.from(TEXTS[row]!);
    await alone.step({
      rows: Int32Array.of(row),
      streamCounts: Int32Array.of(stream.length),
      streamIds: stream,
      width: WIDTH,
      blocks: new Uint8Array(stream.length),
      top: 1,
      ids: new Int32Array(stream.length),
    });
    const late = await keep(alone, [row], [counts[row]!]);
    const own = [row * WIDTH, (row + 1) * WIDTH] as const;
    assertEquals(late.draft, together.draft.slice(...own));
    assertEquals(late.likelihoods, together.likelihoods.slice(...own));
  }
});

Deno.test("NativeDecoding.copy() makes a row another's, and neither knows of it", async () => {
  using denoiser = await sampleDenoiser(network);
  for (const portable of [false, true]) {
    using decoding = await start(denoiser, portable);
    await append(decoding, [0, 1, 2], [[1, 2, 3, 4], [5, 6], [7]]);
    await keep(decoding, [0, 1], [3, 2]);
    decoding.copy(Int32Array.of(0, 1, 0), Int32Array.of(1, 0, 5));
    const after = await append(decoding, [0, 1, 5, 2], [[8, 9], [8, 9], [10], [11]]);
    using expected = await start(denoiser, portable);
    await append(expected, [0, 1], [[1, 2, 3], [5, 6]]);
    const [first, second] = await append(expected, [0, 1], [[8, 9], [8, 9]]);
    assertEquals([after[0]!.ids, after[1]!.ids], [second!.ids, first!.ids]);
    using third = await start(denoiser, portable);
    await append(third, [0], [[1, 2, 3]]);
    assertEquals(after[2]!.ids, (await append(third, [0], [[10]]))[0]!.ids);
  }
});

Deno.test("NativeDecoding.step() gives the likeliest tokens alone as it does with others", async () => {
  using denoiser = await sampleDenoiser(network);
  using decoding = await start(denoiser);
  const [{ ids } = { ids: [] }] = await append(decoding, [3], [[1, 2, 3, 4, 5]]);
  using again = await start(denoiser);
  const best = new Int32Array(5);
  await again.step({
    rows: Int32Array.of(3),
    streamCounts: Int32Array.of(5),
    streamIds: Int32Array.of(1, 2, 3, 4, 5),
    width: 0,
    blocks: new Uint8Array(5),
    top: 1,
    ids: best,
  });
  assertEquals([...best], ids.filter((_, i) => i % TOP === 0));
  assert(best.every((id) => id >= 0 && id < VOCABULARY));
});

// Of such weights half the bytes are read for calls of few slots.
for (const [number, network] of SHIFTED.entries()) {
  Deno.test(`shifted network ${number}: weights of bfloat16 give few slots the bits that many have`, async () => {
    using denoiser = await sampleDenoiser(network, { ...F32, threads: 1 }, bfloat16);
    for (const [row, text] of TEXTS.entries()) {
      const { ids, logProbabilities } = await whole(denoiser, row);
      for (const count of [1, 2, 3]) {
        using decoding = await start(denoiser);
        const found: Predicted = { ids: [], logProbabilities: [] };
        for (let first = 0; first < LENGTH; first += count) {
          const [part] = await append(decoding, [row], [[...text.subarray(first, first + count)]]);
          found.ids.push(...part!.ids);
          found.logProbabilities.push(...part!.logProbabilities);
        }
        assertEquals(found, { ids, logProbabilities });
      }
    }
  });

  Deno.test(`shifted network ${number}: the likeliest tokens alone are those of the whole vocabulary`, async () => {
    using denoiser = await sampleDenoiser(network, { ...F32, threads: 1 });
    using decoding = await start(denoiser), scored = await start(denoiser);
    const rows = [...TEXTS.keys()], streams = TEXTS.map((ids) => [...ids]);
    const streamIds = Int32Array.from(streams.flat()), ids = new Int32Array(streamIds.length);
    await decoding.step({
      rows: Int32Array.from(rows),
      streamCounts: new Int32Array(rows.length).fill(LENGTH),
      streamIds,
      width: 0,
      blocks: new Uint8Array(streamIds.length),
      top: 1,
      ids,
    });
    const expected = await append(scored, rows, streams);
    assertEquals([...ids], expected.flatMap(({ ids }) => ids.filter((_, i) => i % TOP === 0)));
  });
}

testOnOtherKernels(import.meta.url);
