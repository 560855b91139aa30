/**
 * What a sweep writes down: a line of JSON for each cell with everything needed to repeat it, and for
 * each training a file in its run's folder. Reports are made from these alone.
 */
import {
  readTextFile,
  statIfPresent,
  unwritable,
  writeAll,
  writeFileAtomically,
} from "../host/files.ts";
import type { CallCounts } from "../metrics/calls.ts";
import type { Metric } from "../metrics/metric_names.ts";
import type { TrainingConfig } from "../training/config.ts";
import type { AxisValue, Budget } from "./plan.ts";

/** The loss of slots whose timesteps lie between two, as training logs it. */
export interface TimestepLoss {
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  readonly mse: number;
  readonly nll: number;
}

/** A validation of a training. */
export interface CurvePoint {
  readonly step: number;
  /** Of training, validations not counted. */
  readonly seconds: number;
  readonly loss: number;
  readonly bleu: number | null;
}

/** What a run's log says of how it learned. */
export interface Learning {
  readonly curve: readonly CurvePoint[];
  /** Of the last validation. */
  readonly byTimestep: readonly TimestepLoss[];
}

/** Where something was computed. */
export interface Machine {
  readonly hardwareThreads: number;
  readonly instructionSet: string;
  readonly system: string;
  readonly deno: string;
}

/** A training that is done. */
export interface TrainingRecord extends Learning {
  readonly hash: string;
  readonly folder: string;
  readonly config: TrainingConfig;
  readonly budget: Budget;
  /** The command line that repeats it. */
  readonly command: string;
  readonly updates: number;
  readonly parameters: number;
  /** Of updates, by the clock. */
  readonly seconds: number;
  /** Of all of the training, null where other cells were at work in the process. */
  readonly processorSeconds: number | null;
  /** Of an update, its median; absent in records from before it was told. */
  readonly updateSeconds?: number | null;
  /** Most memory of the trainer. */
  readonly peakBytes: number;
  readonly commit: string | null;
  readonly machine: Machine;
}

/** A score of a cell. */
interface CellScore {
  readonly metric: Metric;
  readonly name: string;
  readonly score: number;
  readonly signature: string;
}

/** What a cell measured. */
export interface Measured {
  readonly segments: number;
  readonly scores: readonly CellScore[];
  /** Network calls a line. */
  readonly calls: CallCounts;
  /** Of generating, by the clock. */
  readonly seconds: number;
  readonly processorSeconds: number | null;
  /** Memory of the process when it was done. */
  readonly residentBytes: number;
  /** Where there are several candidates: how many differ, and BLEU of the best of each line. */
  readonly candidates?: { readonly distinct: number; readonly oracleBleu: number };
  /** Mean share of slots that have settled after each call; absent where calls follow the text. */
  readonly settled?: readonly number[];
}

/** A line of a sweep's results. */
export interface CellRecord extends Measured {
  readonly format: typeof CELL_FORMAT;
  readonly cell: string;
  readonly plan: string;
  readonly axes: Readonly<Record<string, AxisValue>>;
  /** The model's folder. */
  readonly model: string;
  readonly training: TrainingRecord | null;
  /** Every option of generation. */
  readonly generation: Readonly<Record<string, unknown>>;
  /** The file in the sweep's folder that has its test set. */
  readonly testSet: string;
  /** The file that has its outputs. */
  readonly outputs: string;
  /** The command line that repeats it. */
  readonly command: string;
  readonly version: string;
  readonly commit: string | null;
  readonly machine: Machine;
  readonly date: string;
}

/** Marks the form of a line. */
export const CELL_FORMAT = "ardiff-cell-1";

/** What a sweep's folder holds. */
export const SWEEP_FILES = {
  /** Results, a line a cell; those of a shard lie in a file of their own that begins and ends so. */
  results: { prefix: "results", suffix: ".jsonl" },
  outputs: "outputs",
  testSets: "test-sets",
  plan: "plan.toml",
} as const;

/** An output and its number of calls, with all candidates where there are several. */
export interface OutputRecord {
  readonly text: string;
  readonly calls: number;
  readonly candidates?: readonly string[];
}

/** A line that outputs are compared with. */
export interface TestRecord {
  readonly source: string;
  readonly references: readonly string[];
}

/** Lines of a JSON lines file; a line that a crash has cut is none. */
export function readRecords<T>(path: string): T[] {
  return readTextFile(path).split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}

/** Writes a JSON lines file at once. */
export function writeRecords(path: string, records: readonly unknown[]): void {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  writeFileAtomically(path, (file) => writeAll(file, new TextEncoder().encode(text)));
}

/** The results of all shards of a sweep, each cell once. */
export function readCells(folder: string): CellRecord[] {
  const { prefix, suffix } = SWEEP_FILES.results;
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix)).sort();
  const cells = files.flatMap((name) => readRecords<CellRecord>(`${folder}/${name}`))
    .filter(({ format }) => format === CELL_FORMAT);
  return [...new Map(cells.map((cell) => [cell.cell, cell])).values()];
}

/** A file of results that lines are added to. One process has it at a time. */
export class ResultsFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  /** @throws {UserError} where it cannot be written, or another process has it */
  constructor(path: string, isTaken: () => Error) {
    this.#path = path;
    const exists = statIfPresent(path) !== null;
    try {
      this.#file = Deno.openSync(path, { read: true, append: true, create: true });
    } catch (error) {
      throw unwritable(path, error);
    }
    if (!this.#file.tryLockSync(true)) {
      this.#file.close();
      throw isTaken();
    }
    // The next line must not hang on to one that a crash has cut.
    if (exists && !/(^|\n)$/.test(readTextFile(path))) this.#write("\n");
  }

  /** Adds a line and flushes it to the disk. */
  add(record: CellRecord): void {
    this.#write(`${JSON.stringify(record)}\n`);
  }

  #write(text: string): void {
    try {
      writeAll(this.#file, new TextEncoder().encode(text));
      this.#file.syncDataSync();
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
