/** The log of a run for programs: one JSON object a line, each with its step and its time. */
import { statIfPresent, unwritable, writeAll, writeFileAtomically } from "../host/files.ts";

/** A file that records are appended to. */
export class JsonLog implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #now: () => Date;

  /**
   * Opens a log. Of one that exists, records after `step` are dropped: the run goes on from there.
   *
   * @throws {UserError} where it cannot be written
   */
  constructor(path: string, step: number, now: () => Date = () => new Date()) {
    this.#path = path;
    this.#now = now;
    if (statIfPresent(path) !== null) dropRecordsAfter(path, step);
    try {
      this.#file = Deno.openSync(path, { append: true, create: true });
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** The last record of an event at a step; undefined where there is none. */
  static find(path: string, event: string, step: number): Record<string, unknown> | undefined {
    if (statIfPresent(path) === null) return undefined;
    const lines = Deno.readTextFileSync(path).split("\n").filter((line) => stepOf(line) === step);
    return lines.map((line) => JSON.parse(line)).findLast((record) => record.event === event);
  }

  /** Appends a record. */
  write(event: string, step: number, values: object): void {
    const record = JSON.stringify({
      event,
      step,
      time: this.#now().toISOString(),
      ...values,
    });
    try {
      writeAll(this.#file, new TextEncoder().encode(`${record}\n`));
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function dropRecordsAfter(path: string, step: number): void {
  const lines = Deno.readTextFileSync(path).split("\n");
  const kept = lines.filter((line) => stepOf(line) <= step);
  if (kept.length === lines.length - 1) return; // only the empty end is left out
  writeFileAtomically(path, (file) => {
    writeAll(file, new TextEncoder().encode(kept.map((line) => `${line}\n`).join("")));
  });
}

/** The step of a record; beyond all steps for a line that a crash has cut. */
function stepOf(line: string): number {
  try {
    return Number(JSON.parse(line).step);
  } catch {
    return Infinity;
  }
}
