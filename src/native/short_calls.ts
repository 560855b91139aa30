/** Calls of the shim that may be too short for a thread of their own. */
import { unwrap, unwrapAsync } from "./errors.ts";

/** Milliseconds of blocking calls, one after another. */
const MOST_BLOCKED = 20;
/** Those since timers could pass, whoever made them. */
let blocked = 0;

/**
 * Makes a call that takes less than a millisecond at once, and another on a thread of its own: to hand
 * one over takes a tenth of a millisecond. Timers and signals are not to wait for ever behind short
 * calls: after some of them comes one that lets them pass.
 */
export async function nowOrLater(
  isShort: boolean,
  now: (error: Uint8Array<ArrayBuffer>, capacity: number) => number,
  later: (error: Uint8Array<ArrayBuffer>, capacity: number) => Promise<number>,
): Promise<void> {
  if (isShort && blocked < MOST_BLOCKED) {
    const start = performance.now();
    unwrap(now);
    blocked += performance.now() - start;
    return;
  }
  blocked = 0;
  await unwrapAsync(later);
}
