/**
 * Whole files at once: read into one buffer, or written so that a reader, a crash or a full disk
 * never meets half of one.
 */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { standIn } from "./not_the_file.ts";

/**
 * Reads a file into one buffer. (`Deno.readFile` takes four times as long for large files.)
 *
 * @throws {UserError} where it cannot be read
 */
export function readFileBytes(path: string): Uint8Array<ArrayBuffer> {
  try {
    // Before it is opened: opening a named pipe waits for a writer, for ever if none comes.
    if (!Deno.statSync(path).isFile) throw new Error("it is not a regular file");
    using file = Deno.openSync(path);
    const { size, isFile } = file.statSync();
    if (!isFile) throw new Error("it is not a regular file");
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const count = file.readSync(bytes.subarray(filled));
      if (count === null) throw new Error("it was cut while it was read");
      filled += count;
    }
    return bytes;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Reads a UTF-8 text file.
 *
 * @throws {UserError} where it cannot be read or is not UTF-8
 */
export function readTextFile(path: string): string {
  const bytes = readFileBytes(path);
  const other = standIn(bytes);
  if (other !== undefined) throw unreadable(path, new Error(other));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(path, new Error("it is not UTF-8 text", { cause: error }));
  }
}

/**
 * Writes a file under a temporary name beside its place, flushes it to the disk and renames it.
 *
 * @param write fills the file from its start
 * @throws {UserError} where it cannot be written; nothing is left behind, and an older file of
 *   that name is untouched
 */
export function writeFileAtomically(path: string, write: (file: Deno.FsFile) => void): void {
  const temporary = temporaryName(path);
  try {
    {
      using file = Deno.openSync(temporary, { write: true, createNew: true });
      write(file);
      file.syncSync();
    }
    Deno.renameSync(temporary, path);
    syncFolder(parentOf(path));
  } catch (error) {
    removeIfPresent(temporary);
    throw unwritable(path, error);
  }
}

/** Writes all of a buffer. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}

/** A name in the same folder, and so on the same disk, that no other process uses. */
export function temporaryName(path: string): string {
  const unique = crypto.randomUUID().slice(0, 8);
  return `${trimSlashes(path)}.tmp-${Deno.pid}-${unique}`;
}

/** Temporary files and folders that writers of a path have left beside it, by their full name. */
export function temporaryNames(path: string): string[] {
  const name = trimSlashes(path).slice(trimSlashes(path).lastIndexOf("/") + 1);
  const folder = parentOf(path);
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name)
      .filter((entry) => entry.startsWith(name) && LEFTOVER.test(entry.slice(name.length)))
      .map((entry) => `${folder}/${entry}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw unreadable(folder, error);
  }
}

/**
 * What {@linkcode temporaryName} adds to a name, twice where a folder is written within one, and after
 * it what a folder that made way has.
 */
const LEFTOVER = /^(\.tmp-\d+-[0-9a-f]{8})+(-old)?$/;

/** Flushes a folder's entries to the disk, so that a rename in it survives a crash. */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** The folder a file or folder lies in. */
export function parentOf(path: string): string {
  const trimmed = trimSlashes(path);
  const slash = trimmed.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : trimmed.slice(0, slash);
}

/** What is at a path, links followed; null where nothing is. */
export function statIfPresent(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unreadable(path, error);
  }
}

/** Removes a file or folder with all it holds; one that does not exist is fine. */
export function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * The error for a folder that is built under another name and cannot be written: it names the folder
 * and why, not the file in it, which is gone by then.
 */
export function unwritableFolder(path: string, error: unknown): UserError {
  if (!(error instanceof UserError)) return unwritable(path, error);
  return error.exitCode === ExitCode.output && error.cause !== undefined
    ? unwritable(path, error.cause)
    : error;
}

/** The error for output that cannot be written; a {@linkcode UserError} stays what it is. */
export function unwritable(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const message = `Cannot write "${path}": ${messageOf(error)}`;
  return new UserError(ExitCode.output, message, { cause: error });
}

function unreadable(path: string, error: unknown): UserError {
  const reason = error instanceof Deno.errors.NotFound ? "no such file" : messageOf(error);
  return new UserError(ExitCode.model, `Cannot read "${path}": ${reason}`, { cause: error });
}

function trimSlashes(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}
