/** What ranks agree on, with ranks in one process that meet whenever all have come. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { agreed, whileOthersWait } from "../../src/training/agreement.ts";
import { ALONE, type ProcessGroup } from "../../src/training/process_group.ts";

/** Ranks that exchange in memory. */
function ranksOf(size: number): ProcessGroup[] {
  let come: { readonly mine: unknown; readonly go: (all: unknown[]) => void }[] = [];
  const meet = <T>(mine: T): Promise<T[]> =>
    new Promise((resolve) => {
      come.push({ mine, go: resolve as (all: unknown[]) => void });
      if (come.length < size) return;
      const all = come;
      come = [];
      for (const { go } of all) go(all.map(({ mine }) => mine));
    });
  return Array.from({ length: size }, (_, rank): ProcessGroup => ({
    ...ALONE,
    rank,
    size,
    isFirst: rank === 0,
    async gatherNumbers(mine) {
      return Float64Array.from((await meet(mine)).flatMap((numbers) => [...numbers]));
    },
    async first<T>(task: () => T | Promise<T>) {
      const mine = rank === 0 ? Promise.resolve().then(task) : undefined;
      await mine?.catch(() => {});
      return await (await meet(mine)).find((value) => value !== undefined)!;
    },
  }));
}

const wait = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

Deno.test("agreed() is what at least one rank wishes, and a signal that one was sent", async () => {
  const told = [
    { signal: undefined, wishes: [false, true] },
    { signal: "SIGTERM", wishes: [false, false] },
    { signal: undefined, wishes: [false, false] },
  ] as const;
  const found = await Promise.all(ranksOf(3).map((group, rank) => agreed(group, told[rank]!)));
  assertEquals(found, Array(3).fill({ signal: "SIGTERM", wishes: [false, true] }));
});

Deno.test("whileOthersWait() gives all ranks what the first made, and what it threw", async () => {
  for (const groups of [[ALONE], ranksOf(3)]) {
    let exchanges = 0;
    const run = (task: () => Promise<string>) =>
      Promise.all(
        groups.map((group) => whileOthersWait(group, task, () => (exchanges++, undefined), 1)),
      );
    let works = 0;
    const made = await run(async () => {
      works++;
      await wait(50);
      return "made";
    });
    assertEquals([made, works], [groups.map(() => ({ value: "made" })), 1]);
    assert(exchanges > groups.length, "they exchange while it is made");
    await assertRejects(() => run(() => Promise.reject(new Error("no room"))), Error, "no room");
  }
});

Deno.test("whileOthersWait() stops the task where any rank is sent a signal", async () => {
  for (const sent of [0, 2]) {
    let ended = false;
    const task = async (stop: AbortSignal) => {
      while (!stop.aborted) await wait(1);
      ended = true;
      throw stop.reason;
    };
    const began = performance.now();
    const received = (rank: number) => () =>
      rank === sent && performance.now() > began + 20 ? "SIGINT" as const : undefined;
    const found = await Promise.all(
      ranksOf(3).map((group, rank) => whileOthersWait(group, task, received(rank), 1)),
    );
    assertEquals([found, ended], [Array(3).fill({ signal: "SIGINT" }), true]);
  }
});

Deno.test("whileOthersWait() stops the task where another rank has ended", async () => {
  let stopped = false;
  const group: ProcessGroup = {
    ...ranksOf(2)[0]!,
    gatherNumbers: () => Promise.reject(new Error("another rank has ended")),
  };
  const task = async (stop: AbortSignal) => {
    while (!stop.aborted) await wait(1);
    stopped = true;
  };
  await assertRejects(() => whileOthersWait(group, task, () => undefined, 1), Error, "has ended");
  assert(stopped);
});
