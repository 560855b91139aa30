/**
 * A file that grows block by block and can be gone on with after whatever stopped it. Beside it, under
 * `NAME.partial.json`, stands what it is made with and how far it is; what was written after that is
 * cut off, so that in the end the file is the same byte for byte as one that was never stopped.
 */
import { ExitCode, UserError } from "../../errors.ts";
import {
  parentOf,
  readTextFile,
  removeIfPresent,
  statIfPresent,
  syncFolder,
  unwritable,
  writeAll,
  writeFileAtomically,
} from "../../host/files.ts";
import { isObject } from "../../host/json_value.ts";

/** How far a file is. */
interface Progress<State> {
  /** What it is made with; a file that was begun with other things is not gone on with. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  readonly state: State;
}

/** The file. Dispose of it when done; unless it was finished, what it has stays for the next time. */
export class PartialFile<State> implements Disposable {
  readonly #path: string;
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #file: Deno.FsFile;
  #bytes: number;
  #state: State;

  /**
   * Opens the file to go on with, or begins it.
   *
   * @param path of the finished file
   * @param settings what it is made with: values of JSON
   * @param start the state before the first block
   * @throws {UserError} where it was begun with other settings, another process is at work on it, or it
   *   cannot be written
   */
  constructor(path: string, settings: Readonly<Record<string, unknown>>, start: State) {
    this.#path = path;
    this.#settings = settings;
    const before = readProgress<State>(progressPath(path));
    if (before !== undefined) expectSameSettings(path, before.settings, settings);
    try {
      this.#file = Deno.openSync(partialPath(path), { read: true, write: true, create: true });
    } catch (error) {
      throw unwritable(path, error);
    }
    if (!this.#file.tryLockSync(true)) {
      this.#file.close();
      throw new UserError(
        ExitCode.output,
        `Cannot write "${path}": another process is at work on it`,
      );
    }
    const { size } = this.#file.statSync();
    const isWhole = before !== undefined && before.bytes <= size;
    this.#bytes = isWhole ? before.bytes : 0;
    this.#state = isWhole ? before.state : start;
    this.#file.truncateSync(this.#bytes);
    this.#file.seekSync(0, Deno.SeekMode.End);
  }

  /** The state after the last block. */
  get state(): State {
    return this.#state;
  }

  /** Adds a block; once this returns, it is there to stay. */
  add(text: string, state: State): void {
    const block = new TextEncoder().encode(text);
    try {
      writeAll(this.#file, block);
      this.#file.syncSync();
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    this.#bytes += block.length;
    this.#state = state;
    const progress: Progress<State> = { settings: this.#settings, bytes: this.#bytes, state };
    writeJson(progressPath(this.#path), progress);
  }

  /**
   * Gives the file its name.
   *
   * @param seal called before, with where the file still is: what it writes is there once the file is
   */
  finish(seal: (path: string) => void): void {
    seal(partialPath(this.#path));
    try {
      Deno.renameSync(partialPath(this.#path), this.#path);
      syncFolder(parentOf(this.#path));
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    removeIfPresent(progressPath(this.#path));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Writes a value as JSON that people can read. */
export function writeJson(path: string, value: unknown): void {
  writeFileAtomically(path, (file) => {
    writeAll(file, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
  });
}

function partialPath(path: string): string {
  return `${path}.partial`;
}

function progressPath(path: string): string {
  return `${path}.partial.json`;
}

/** Undefined where nothing has begun, or what says so is damaged: then it begins anew. */
function readProgress<State>(path: string): Progress<State> | undefined {
  if (statIfPresent(path) === null) return undefined;
  try {
    const value: unknown = JSON.parse(readTextFile(path));
    return isObject(value) && isObject(value["settings"]) && Number.isSafeInteger(value["bytes"])
      ? value as unknown as Progress<State>
      : undefined;
  } catch {
    return undefined;
  }
}

function expectSameSettings(
  path: string,
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changed = names.find((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  if (changed === undefined) return;
  const [left, right] = [before, now].map((settings) =>
    JSON.stringify(settings[changed]) ?? "none"
  );
  throw new UserError(
    ExitCode.output,
    `Cannot go on with "${
      partialPath(path)
    }": "${changed}" was ${left} when it was begun and is now ` +
      `${right}; set it back, or remove the file to begin anew`,
  );
}
