/**
 * Errors a user can cause, and the exit code of each class.
 *
 * A {@linkcode UserError} is one sentence that gives the offending value and the way out. `main.ts`
 * prints it without a stack trace and exits with its code; any other error is a defect of ardiff.
 */

import { printable } from "./printable.ts";

/** Exit codes of the command line, one per class of failure. */
export const ExitCode = {
  /** The command did what it was asked to do. */
  ok: 0,
  /** A defect of ardiff itself. */
  internal: 1,
  /** The command line cannot be understood: unknown option, bad value, missing argument. */
  usage: 2,
  /** Input text or data cannot be read or is malformed. */
  data: 3,
  /** A model folder, checkpoint or configuration is missing, damaged or inconsistent. */
  model: 4,
  /** The native library or libtorch is missing or does not fit. */
  native: 5,
  /** The device is missing, or ran out of memory. */
  device: 6,
  /** Output cannot be written (disk full, no permission). */
  output: 7,
  /** Training met a non-finite loss and was told to stop. */
  diverged: 8,
  /** A check (golden values, doctor, a metric comparison) ran and did not pass. */
  check: 9,
  /** Processes that train together: one is missing, differs, has ended or does not answer. */
  ranks: 11,
  /** Stopped by SIGHUP after saving. */
  hungUp: 129,
  /** Stopped by SIGINT after saving. */
  interrupted: 130,
  /** Stopped by SIGTERM after saving. */
  terminated: 143,
} as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** A mistake or mishap that the user can mend: one sentence with the value and the way out. */
export class UserError extends Error {
  /** Tells it from other errors. */
  override readonly name: string = "UserError";
  /** The process exit code that tells this class of failure apart. */
  readonly exitCode: ExitCode;

  /**
   * Makes an error for the user.
   *
   * @param exitCode the class of failure
   * @param message one sentence in sentence case, without a final newline; what it quotes of files
   *   may be anything: control characters are escaped, and a long text is cut
   * @param options `cause` keeps the underlying error for `--verbose`
   */
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.exitCode = exitCode;
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  // Deno's own advises a flag of Deno.
  if (error instanceof Deno.errors.NotCapable) return "it is a device, or not permitted";
  return error instanceof Error ? error.message : String(error);
}
