/** Status codes of the C ABI and the errors they become. */
import { ExitCode, UserError } from "../errors.ts";

/** `ardiff_status` of ardiff.h. */
export const Status = {
  ok: 0,
  invalidArgument: 1,
  invalidState: 2,
  outOfMemory: 3,
  unsupported: 4,
  nonFinite: 5,
  internal: 6,
} as const;

/** A call of the shim that failed, with the status it returned. */
export class NativeError extends Error {
  override readonly name = "NativeError";

  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** Size of the buffer that receives an error's text. */
const CAPACITY = 512;

/**
 * Calls a function of the shim with a buffer for its error text and throws unless it returns 0.
 *
 * What the machine lacks (memory, a device) and damaged weights are the user's to mend and become
 * a {@linkcode UserError}; everything else is a defect of ardiff and becomes a
 * {@linkcode NativeError}.
 */
export function unwrap(call: (error: Uint8Array<ArrayBuffer>, capacity: number) => number): void {
  const error = new Uint8Array(CAPACITY);
  check(call(error, CAPACITY), error);
}

/** The same for a nonblocking function. */
export async function unwrapAsync(
  call: (error: Uint8Array<ArrayBuffer>, capacity: number) => Promise<number>,
): Promise<void> {
  const error = new Uint8Array(CAPACITY);
  check(await call(error, CAPACITY), error);
}

function check(status: number, error: Uint8Array<ArrayBuffer>): void {
  if (status === Status.ok) return;
  const end = error.indexOf(0);
  const message = new TextDecoder().decode(error.subarray(0, end < 0 ? error.length : end));
  switch (status) {
    case Status.outOfMemory:
    case Status.unsupported:
      throw new UserError(ExitCode.device, message);
    case Status.nonFinite:
      throw new UserError(ExitCode.model, message);
    default:
      throw new NativeError(status, message);
  }
}
