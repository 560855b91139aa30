/**
 * The folder of a run. It carries a mark, the text in its `lock`: only a folder with the mark is taken
 * over, and in it only what a run itself has written is ever replaced or removed.
 */
import { ExitCode, UserError } from "../errors.ts";
import {
  removeIfPresent,
  statIfPresent,
  temporaryNames,
  unwritable,
  writeAll,
} from "../host/files.ts";
import { removeUnfinished } from "./checkpoint.ts";

/** What a run writes into its folder. */
export const RUN_FILES = {
  lock: "lock",
  checkpoints: "checkpoints",
  model: "model",
  /** The weights that a set was distilled from. */
  teacher: "teacher",
  log: "log.jsonl",
  tensorboard: "tensorboard",
} as const;

const MARK =
  "The folder of a training run of ardiff, which holds this file locked while it is at work.\n";

/**
 * Makes a run's folders and keeps other runs out of them until it is disposed of.
 *
 * @throws {UserError} where the folder cannot be written, another run is at work in it, or it holds
 *   what a run would overwrite and is no run's
 */
export function openRunFolder(output: string): Disposable {
  if (output === "") {
    throw new UserError(ExitCode.usage, 'Cannot train into "": expected the name of a folder');
  }
  const checkpoints = `${output}/${RUN_FILES.checkpoints}`;
  expectOwn(output);
  let lock: Deno.FsFile;
  try {
    Deno.mkdirSync(checkpoints, { recursive: true });
    lock = Deno.openSync(`${output}/${RUN_FILES.lock}`, { create: true, read: true, write: true });
  } catch (error) {
    throw unwritable(output, error);
  }
  if (!lockSoon(lock)) {
    lock.close();
    throw new UserError(
      ExitCode.usage,
      `Cannot train into "${output}": another run is at work there; choose another --output`,
    );
  }
  try {
    if (lock.statSync().size === 0) writeAll(lock, new TextEncoder().encode(MARK));
    removeUnfinished(checkpoints);
    removeLeftovers(output);
  } catch (error) {
    lock.close();
    throw unwritable(output, error);
  }
  return lock;
}

/**
 * Takes a lock, or waits a moment for it: a program that is being started has for an instant what this
 * process had open, the lock of the run before included.
 */
function lockSoon(lock: Deno.FsFile): boolean {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 10; tries++) {
    if (lock.tryLockSync(true)) return true;
    Atomics.wait(sleeper, 0, 0, 50);
  }
  return false;
}

/** @throws {UserError} where a folder without the mark holds what a run writes */
function expectOwn(output: string): void {
  const found = Object.values(RUN_FILES).filter((name) =>
    statIfPresent(`${output}/${name}`) !== null && !isEmptyFolder(`${output}/${name}`)
  );
  if (found.length === 0 || isMarked(output)) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot train into "${output}": it holds "${
      found[0]
    }" and is not the folder of a run; choose ` +
      "another --output",
  );
}

function isMarked(output: string): boolean {
  const path = `${output}/${RUN_FILES.lock}`;
  const found = statIfPresent(path);
  if (found === null || !found.isFile) return false;
  // Before there was a mark, the file was empty.
  return found.size === 0 || found.size === MARK.length && Deno.readTextFileSync(path) === MARK;
}

function isEmptyFolder(path: string): boolean {
  if (!statIfPresent(path)?.isDirectory) return false;
  return Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
}

function removeLeftovers(output: string): void {
  for (const path of temporaryNames(`${output}/${RUN_FILES.log}`)) removeIfPresent(path);
  // A run that was killed while it replaced its model has one of the two under another name.
  const model = `${output}/${RUN_FILES.model}`;
  if (statIfPresent(model) === null) return;
  for (const path of temporaryNames(model)) removeIfPresent(path);
}
