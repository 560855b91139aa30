/**
 * An output that is built up in `FILE.part`, beside its manifest, and renamed when all its lines are
 * there. A run that was killed at any moment goes on behind the last whole line.
 */
import { ExitCode, UserError } from "../errors.ts";
import { writeText } from "../host/environment.ts";
import { parentOf, removeIfPresent, statIfPresent, syncFolder, unwritable } from "../host/files.ts";
import { digestOf } from "../host/manifest.ts";
import {
  differenceOf,
  manifestPath,
  type OutputManifest,
  type OutputOrigin,
  readOutputManifest,
  writeOutputManifest,
} from "./output_manifest.ts";

const LINE_FEED = 0x0a;

/** Bytes that are looked at together. */
const BLOCK = 2 ** 20;

/** Such an output. Dispose of it when done. */
export class ResumableOutput implements Disposable {
  readonly #path: string;
  readonly #origin: OutputOrigin;
  readonly #file: Deno.FsFile | undefined;
  #lines: number;

  private constructor(
    path: string,
    origin: OutputOrigin,
    file: Deno.FsFile | undefined,
    lines: number,
  ) {
    this.#path = path;
    this.#origin = origin;
    this.#file = file;
    this.#lines = lines;
  }

  /**
   * Opens an output at its start, or where an earlier run has left it.
   *
   * @param path of a regular file, or of one that is to be
   * @param total lines that it will have
   * @throws {UserError} where what is there was not generated from the same, another run is at work on
   *   it, or it cannot be written
   */
  static open(path: string, origin: OutputOrigin, total: number): ResumableOutput {
    const manifest = readOutputManifest(path);
    const found = statIfPresent(path);
    if (manifest === undefined) expectNothing(path, partOf(path));
    else expectSameOrigin(path, manifest, origin);
    try {
      if (found !== null && manifest !== undefined) {
        expectWhole(path, manifest, total);
        // A run that was killed between renaming the file and this has left it to do.
        if (manifest.output === null) conclude(path, origin, total);
        removeIfPresent(partOf(path));
        return new ResumableOutput(path, origin, undefined, total);
      }
      writeOutputManifest(path, { ...origin, lines: 0, output: null });
      const file = Deno.openSync(partOf(path), { create: true, read: true, write: true });
      if (!file.tryLockSync(true)) {
        file.close();
        throw new UserError(
          ExitCode.output,
          `Cannot write "${path}": another run is at work on it; let it end, or stop it`,
        );
      }
      return new ResumableOutput(path, origin, file, keepWholeLines(file, total));
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** Lines that are there. */
  get lines(): number {
    return this.#lines;
  }

  /** Whether all is there, under its name. */
  get isFinished(): boolean {
    return this.#file === undefined;
  }

  /** Writes one line, its line feed included. */
  async write(line: string): Promise<void> {
    await writeText(this.#file!, line, `"${this.#path}"`);
    this.#lines++;
  }

  /** Says that all lines are written: the file gets its name, and the manifest is concluded. */
  finish(): void {
    try {
      this.#file!.syncSync();
      Deno.renameSync(partOf(this.#path), this.#path);
      syncFolder(parentOf(this.#path));
      conclude(this.#path, this.#origin, this.#lines);
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

/** Writes the manifest of an output that is whole. */
export function conclude(path: string, origin: OutputOrigin, lines: number): void {
  writeOutputManifest(path, { ...origin, lines, output: digestOf(path) });
}

function partOf(path: string): string {
  return `${path}.part`;
}

function expectNothing(...paths: readonly string[]): void {
  const found = paths.find((path) => statIfPresent(path) !== null);
  if (found === undefined) return;
  throw new UserError(
    ExitCode.output,
    `Cannot go on with "${found}": there is no "${
      manifestPath(paths[0]!)
    }" that tells how it was ` +
      "made; remove it, or choose another --output",
  );
}

function expectSameOrigin(path: string, before: OutputManifest, now: OutputOrigin): void {
  const difference = differenceOf(before, now) ??
    (JSON.stringify(before.shard) === JSON.stringify(now.shard) ? undefined : "the shard");
  if (difference === undefined) return;
  throw new UserError(
    ExitCode.usage,
    `Cannot go on with "${path}": ${difference} is not that of the run before, which ` +
      `"${manifestPath(path)}" tells of; set it back, or remove both to start anew`,
  );
}

/** @throws {UserError} where a file under its name is not the one that was written */
function expectWhole(path: string, { lines, output }: OutputManifest, total: number): void {
  const isWhole = output === null
    ? countLinesOf(path) === total
    : lines === total && digestOf(path) === output;
  if (isWhole) return;
  throw new UserError(
    ExitCode.output,
    `Cannot go on with "${path}": it is not what was written there; remove it and ` +
      `"${manifestPath(path)}" to start anew`,
  );
}

function countLinesOf(path: string): number {
  using file = Deno.openSync(path);
  return scan(file).lines;
}

/** Lines of a file, and where the last whole one ends. */
function scan(file: Deno.FsFile): { lines: number; end: number } {
  const block = new Uint8Array(BLOCK);
  let [lines, end, place] = [0, 0, 0];
  for (let count; (count = file.readSync(block)) !== null; place += count) {
    for (let i = 0; i < count; i++) {
      if (block[i] !== LINE_FEED) continue;
      lines++;
      end = place + i + 1;
    }
  }
  return { lines, end };
}

/** Cuts off a line that was not written to its end, and goes behind the others. */
function keepWholeLines(file: Deno.FsFile, total: number): number {
  const { lines, end } = scan(file);
  const keeps = lines <= total;
  file.truncateSync(keeps ? end : 0);
  file.seekSync(keeps ? end : 0, Deno.SeekMode.Start);
  return keeps ? lines : 0;
}
