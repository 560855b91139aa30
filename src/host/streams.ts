/** Where commands read and write: a file, or a standard stream. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { writeText } from "./environment.ts";
import { parentOf, removeIfPresent, temporaryName, temporaryNames } from "./files.ts";

/** Something that text is written to. Dispose of it when done. */
interface Output extends Disposable {
  write(text: string): void | Promise<void>;
  /** Says that all is written: only then does a file take the place of one of its name. */
  finish(): void;
}

/** The input file that a path means: undefined, for standard input, for "-" and its device too. */
export function inputFile(path: string | undefined): string | undefined {
  return path === "-" || path === "/dev/stdin" ? undefined : path;
}

/**
 * Opens a file for writing, or standard output where no path is given, "-" or its device.
 *
 * A file is written beside its place and renamed when all is written, so that the input may be the
 * output, and a command that fails leaves an older file as it was; lines that were written by then go
 * to `NAME.partial`, or to `NAME` itself where there was none. Devices and pipes are written to as
 * they are.
 *
 * @param signal ends the wait for the reader of a named pipe
 * @throws {UserError} where it cannot be opened, or written to
 */
export async function openOutput(
  path: string | undefined,
  io: { stdout(text: string): void | Promise<void> },
  signal?: AbortSignal,
): Promise<Output> {
  if (path === undefined || path === "-" || path === "/dev/stdout") {
    return { write: (text) => io.stdout(text), finish: () => {}, [Symbol.dispose]: () => {} };
  }
  if (path === "") {
    throw new UserError(ExitCode.output, 'Cannot write output "": expected the name of a file');
  }
  try {
    const found = statOrNull(path);
    if (found === null) return new FileBeside(path, path, undefined);
    if (!found.isFile || !canMakeFiles(parentOf(Deno.realPathSync(path)))) {
      return await openInPlace(path, { truncate: found.isFile }, signal);
    }
    return new FileBeside(path, Deno.realPathSync(path), found);
  } catch (cause) {
    throw unwritableOutput(path, cause);
  }
}

/**
 * A device, a pipe, or a file in a folder that takes no other. The wait for the reader of a pipe must
 * not keep signals from being heard.
 */
async function openInPlace(
  path: string,
  options: { readonly truncate: boolean },
  signal: AbortSignal | undefined,
): Promise<Output> {
  const opening = Deno.open(path, { write: true, ...options });
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  try {
    const file = await Promise.race([opening, aborted.promise]);
    return {
      write: (text) => writeText(file, text, `"${path}"`),
      finish: () => {},
      [Symbol.dispose]: () => file.close(),
    };
  } finally {
    aborted.promise.catch(() => {});
    signal?.removeEventListener("abort", abort);
  }
}

/** A file that is written beside its place. */
class FileBeside implements Output {
  readonly #path: string;
  /** Where a link leads. */
  readonly #target: string;
  readonly #temporary: string;
  readonly #replaces: boolean;
  readonly #file: Deno.FsFile;
  #written = false;
  #finished = false;

  constructor(path: string, target: string, older: Deno.FileInfo | undefined) {
    this.#path = path;
    this.#target = target;
    this.#replaces = older !== undefined && older.size > 0;
    this.#temporary = temporaryName(target);
    // A file that may not be written is not replaced either, whatever its folder allows.
    if (older !== undefined) Deno.openSync(target, { write: true }).close();
    removeLeftovers(target);
    this.#file = Deno.openSync(this.#temporary, { write: true, createNew: true });
    this.#file.lockSync(true);
    if (older?.mode != null) Deno.chmodSync(this.#temporary, older.mode & 0o777);
  }

  write(text: string): Promise<void> {
    this.#written = true;
    // At once: a file keeps nobody waiting as a pipe may, and a thread for each line costs more.
    const file = { write: (bytes: Uint8Array) => Promise.resolve(this.#file.writeSync(bytes)) };
    return writeText(file, text, `"${this.#path}"`);
  }

  finish(): void {
    this.#finished = true;
    try {
      this.#file.syncSync();
      Deno.renameSync(this.#temporary, this.#target);
    } catch (cause) {
      removeIfPresent(this.#temporary);
      throw unwritableOutput(this.#path, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#finished) return;
    if (!this.#written) return removeIfPresent(this.#temporary);
    const place = this.#replaces ? `${this.#target}.partial` : this.#target;
    Deno.renameSync(this.#temporary, place);
  }
}

/** Removes what writers of a file left beside it when they were killed: a living one holds a lock. */
function removeLeftovers(target: string): void {
  for (const path of temporaryNames(target)) {
    try {
      using file = Deno.openSync(path, { read: true, write: true });
      if (file.tryLockSync(true)) removeIfPresent(path);
    } catch {
      // It is another user's, or has just gone.
    }
  }
}

function canMakeFiles(folder: string): boolean {
  const path = temporaryName(`${folder}/ardiff`);
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
    Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function unwritableOutput(path: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause;
  // Deno opens no device but a few, whatever is permitted; a shell does.
  const flaw = cause instanceof Deno.errors.NotCapable
    ? "it is a device, or not permitted; let the shell open it with >"
    : messageOf(cause);
  return new UserError(ExitCode.output, `Cannot write output "${path}": ${flaw}`, { cause });
}
