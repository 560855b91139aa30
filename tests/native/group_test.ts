/** Ranks of a group, all in this process: their calls run on threads of their own. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { NativeError } from "../../src/native/errors.ts";
import { type GroupPlace, NativeGroup } from "../../src/native/group.ts";
import { somePort } from "../training/rank_processes.ts";

function placesOf(size: number): GroupPlace[] {
  const [host, port] = ["127.0.0.1", somePort()];
  return Array.from(
    { length: size },
    (_, rank) => ({ rank, size, host, port, serve: rank === 0, session: "0" }),
  );
}

/** Runs a test with the ranks of a group. */
async function withRanks(
  size: number,
  test: (ranks: readonly NativeGroup[]) => Promise<void>,
): Promise<void> {
  const ranks = await Promise.all(
    placesOf(size).map((place) => NativeGroup.join(place, 20_000, 20_000)),
  );
  try {
    await test(ranks);
  } finally {
    ranks.forEach((rank) => rank[Symbol.dispose]());
  }
}

/** What every rank says that a call comes to. */
function all<T>(
  ranks: readonly NativeGroup[],
  call: (group: NativeGroup, rank: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(ranks.map(call));
}

Deno.test("gather() gives every rank what each has, broadcast() what the first has", () =>
  withRanks(3, async (ranks) => {
    const gathered = await all(ranks, (group, rank) => group.gather(Uint8Array.of(rank, 7)));
    for (const bytes of gathered) assertEquals([...bytes], [0, 7, 1, 7, 2, 7]);
    const values = ranks.map((_, rank) => Float32Array.of(rank, 2 * rank + 1));
    await all(ranks, (group, rank) => group.broadcast(values[rank]!));
    for (const copy of values) assertEquals([...copy], [0, 1]);
  }));

Deno.test("add() and collect() sum in the order of ranks and calls, bit for bit", () =>
  withRanks(3, async (ranks) => {
    // Sizes that no number of ranks divides; the second takes several pieces.
    for (const size of [1, 7, 3 * 2 ** 18 + 5]) {
      const parts = Array.from(
        { length: 5 },
        (_, number) =>
          new Float32Array(size).map((_, i) => (1 + i % (97 + number)) / (3 ** number)),
      );
      const expected = new Float32Array(size);
      for (const part of parts) part.forEach((x, i) => expected[i] = expected[i]! + x);
      for (let again = 0; again < 2; again++) {
        const sums = await all(ranks, async (group, rank) => {
          await group.add(parts[rank]!, 3);
          // The last rank has nothing to give any more.
          const values = parts[3 + rank]?.slice() ?? new Float32Array(size).fill(NaN);
          await group.add(values, 2);
          await group.collect(values);
          return values;
        });
        for (const sum of sums) assertEquals(sum.findIndex((x, i) => x !== expected[i]), -1);
      }
    }
  }));

Deno.test("join() says who did not come, came twice, or was started as one of more", async () => {
  const refuses = (place: GroupPlace, sentence: string, patience = 500) =>
    assertRejects(() => NativeGroup.join(place, patience, patience), NativeError, sentence);
  const [first] = placesOf(4) as [GroupPlace];
  await refuses(first, "ranks 1, 2 and 3 did not come within 0.5 s");

  const other = { ...placesOf(2)[1]! };
  await refuses(other, `nobody serves the meeting point 127.0.0.1:${other.port}`);

  const [one, two] = placesOf(2) as [GroupPlace, GroupPlace];
  await Promise.all([
    refuses(one, "rank 1 was started as one of 3 ranks, rank 0 as one of 2", 20_000),
    refuses({ ...two, size: 3 }, "rank 0 was started as one of 2 ranks, rank 1 as one of 3", 20_000)
      // Rank 0 may be gone before rank 1 has read what it left.
      .catch((error) => assertMatch(String(error), /another rank has ended/)),
  ]);
});

Deno.test("a rank that comes late is waited for", async () => {
  const [one, two] = placesOf(2) as [GroupPlace, GroupPlace];
  const joining = NativeGroup.join(one, 20_000, 20_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  using late = await NativeGroup.join(two, 20_000, 20_000);
  using early = await joining;
  assertEquals([early.size, late.size], [2, 2]);
});

Deno.test("a call says that another rank has ended, or has not answered", async () => {
  // The second waits longer, so that it hears of the end and does not tire before, on any machine.
  const patience = [500, 20_000];
  const ranks = await Promise.all(
    placesOf(2).map((place) => NativeGroup.join(place, 20_000, patience[place.rank]!)),
  );
  const [first, second] = ranks as [NativeGroup, NativeGroup];
  await assertRejects(
    () => first.gather(Uint8Array.of(1)),
    NativeError,
    "another rank did not answer within 0.5 s",
  );
  first[Symbol.dispose]();
  await assertRejects(
    () => second.gather(Uint8Array.of(1)),
    NativeError,
    "another rank has ended",
  );
  second[Symbol.dispose]();
});
