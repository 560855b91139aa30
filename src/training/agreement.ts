/** What ranks come to agree on, whichever of them is told. */
import type { EndingSignal } from "../host/interrupts.ts";
import type { ProcessGroup } from "./process_group.ts";

/** Signals as the numbers that ranks exchange; 0 is none. */
const SIGNALS: readonly (EndingSignal | undefined)[] = [
  undefined,
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
];

/** What a rank has been told, or wishes, and what at least one of them has been or does. */
interface Wishes {
  readonly signal: EndingSignal | undefined;
  readonly wishes: readonly boolean[];
}

/** What at least one rank wishes, as many things of each. Of several signals it is one. */
export async function agreed(group: ProcessGroup, { signal, wishes }: Wishes): Promise<Wishes> {
  const mine = [SIGNALS.indexOf(signal), ...wishes.map(Number)];
  const all = await group.gatherNumbers(Float64Array.from(mine));
  const [most, ...others] = mine.map((_, i) =>
    all.reduce((most, n, at) => at % mine.length === i ? Math.max(most, n) : most, 0)
  );
  return { signal: SIGNALS[most!], wishes: others.map((n) => n === 1) };
}

/** Milliseconds between two exchanges of ranks that wait: rank 0 keeps time, the others await it. */
const PAUSE = 1000;

/**
 * Runs a task on rank 0 while the others wait, for any time: they exchange a few numbers now and then, so
 * that all learn where one of them is told to stop, has ended, or stalls.
 *
 * @param task is aborted then
 * @param received the signal that this rank has been sent, if any
 * @returns on all of them the signal that one was sent, or what the task gave, in JSON
 * @throws on every rank what the task throws
 */
export async function whileOthersWait<T>(
  group: ProcessGroup,
  task: (stop: AbortSignal) => Promise<T>,
  received: () => EndingSignal | undefined,
  pause: number = PAUSE,
): Promise<{ readonly signal: EndingSignal } | { readonly value: T }> {
  const stop = new AbortController();
  const work = group.isFirst ? task(stop.signal) : undefined;
  let isAtWork = work !== undefined;
  const over = work?.then(() => {}, () => {}).then(() => {
    isAtWork = false;
  });
  try {
    for (;;) {
      if (over !== undefined) await passed(pause, over);
      const { signal, wishes: [goesOn] } = await agreed(group, {
        signal: received(),
        wishes: [isAtWork],
      });
      if (signal !== undefined) return { signal };
      if (!goesOn) break;
    }
  } finally {
    stop.abort();
    await over;
  }
  return { value: await group.first(() => work!) };
}

/** Waits so many milliseconds, or less where something else is over. */
async function passed(milliseconds: number, over: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const time = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([time, over]);
  clearTimeout(timer);
}
