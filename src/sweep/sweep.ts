/**
 * Runs a plan: trains every distinct configuration once, evaluates all else from the same weights, and
 * writes a line down for each cell as soon as it is measured. What is written is not done again.
 */
import { loadModelFolder } from "../denoiser/model_folder.ts";
import { ExitCode, UserError } from "../errors.ts";
import type { Shard } from "../generation/shard.ts";
import {
  readTextFile,
  statIfPresent,
  unwritable,
  writeAll,
  writeFileAtomically,
} from "../host/files.ts";
import { exitCodeOf, Interrupts } from "../host/interrupts.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import type { DataSpec } from "../text/data_spec.ts";
import { readReferences } from "../text/records.ts";
import { currentCommit } from "../training/commit.ts";
import { RUN_FILES } from "../training/run_folder.ts";
import { VERSION } from "../version.ts";
import { evaluateCell } from "./evaluate_cell.ts";
import { hashOf, type KnownCell, knownCells, labelOf, type Training } from "./identity.ts";
import { thisMachine } from "./machine.ts";
import { parsePlan, type Plan } from "./plan.ts";
import { SweepProgress } from "./progress.ts";
import {
  CELL_FORMAT,
  type CellRecord,
  readCells,
  readRecords,
  ResultsFile,
  SWEEP_FILES,
  type TestRecord,
  type TrainingRecord,
  writeRecords,
} from "./records.ts";
import { finishedTraining, removeCheckpoints, trainCell } from "./train_cell.ts";

/** How a plan is run. */
export interface SweepOptions {
  /** The plan's file. */
  readonly plan: string;
  /** The folder of results. Default: `runs/sweeps/NAME`. */
  readonly output?: string;
  /** The folder of trainings, which all plans may share. Default: `runs/trainings`. */
  readonly trainings?: string;
  /** The part of the plan to run; the other parts may run beside it. */
  readonly shard?: Shard;
  /** Trainings at a time. Default 1. */
  readonly jobs?: number;
  /** Hashes of the only cells to run; they are run though they are done. */
  readonly cells?: readonly string[];
  /** Finds the plan's configuration. Default: its path is that of a file. */
  readonly findConfiguration?: (path: string) => string;
}

/** What a sweep is at work on: cells that share a training, or a model that is there. */
interface Group {
  readonly training: Training | undefined;
  readonly cells: readonly KnownCell[];
}

/**
 * Runs a plan, or what is left of it.
 *
 * @returns the folder of results
 * @throws {UserError} for a plan that cannot be run, where a signal stopped it, and in the end where
 *   cells failed
 */
export async function runSweep(options: SweepOptions, io: ProgressOutput): Promise<string> {
  const asWritten = parsePlan(readTextFile(options.plan), options.plan);
  const { findConfiguration = (path: string) => path } = options;
  const plan = { ...asWritten, config: findConfiguration(asWritten.config) };
  const jobs = options.jobs ?? 1;
  if (jobs > 1 && plan.budget.processor_minutes !== undefined) {
    throw new UserError(
      ExitCode.usage,
      `Cannot hold trainings to budget.processor_minutes with --jobs ${jobs}, which share one process: ` +
        "run shards instead (--shard 1/2, --shard 2/2)",
    );
  }
  const output = options.output ?? `runs/sweeps/${plan.name}`;
  const cells = knownCells(plan, readTextFile(plan.config));
  const chosen = choose(cells, options, plan);
  makeFolders(output, options.plan);
  using results = new ResultsFile(resultsPath(output, options.shard), () =>
    new UserError(
      ExitCode.usage,
      `Cannot sweep into "${output}": another sweep is at work there; choose another --output, or ` +
        "give each its --shard",
    ));
  const done = new Set(
    options.cells === undefined ? readCells(output).map(({ cell }) => cell) : [],
  );
  const left = chosen.map(({ training, cells }) => ({
    training,
    cells: cells.filter(({ hash }) => !done.has(hash)),
  })).filter(({ cells }) => cells.length > 0);
  using interrupts = new Interrupts();
  using progress = new SweepProgress(io, {
    cells: left.reduce((sum, { cells }) => sum + cells.length, 0),
    skipped: chosen.reduce((sum, { cells }) => sum + cells.length, 0) -
      left.reduce((sum, { cells }) => sum + cells.length, 0),
    trainings: left.filter(({ training }) => training !== undefined).length,
    jobs,
    secondsEach: plan.budget.minutes === undefined ? undefined : 60 * plan.budget.minutes,
  });
  const work = new Work({
    plan,
    planPath: options.plan,
    output,
    trainings: options.trainings ?? "runs/trainings",
    alone: jobs === 1,
    results,
    progress,
    interrupts,
  });
  const queue = left.values();
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (const group of queue) await work.onGroup(group);
  }));
  if (interrupts.received !== undefined) {
    throw new UserError(
      exitCodeOf(interrupts.received),
      `Stopped by ${interrupts.received}: what is measured is written down; the same command goes on`,
    );
  }
  if (work.failures.length > 0) {
    const { failures } = work;
    throw new UserError(
      failures[0]!.exitCode,
      `Cannot finish ${failures.length} of the cells or trainings, which the same command tries again; the ` +
        `first: ${failures[0]!.message}`,
    );
  }
  return output;
}

/** The groups to run: all of the plan, those of a shard, or those that hold named cells. */
function choose(cells: readonly KnownCell[], options: SweepOptions, plan: Plan): Group[] {
  const strangers = options.cells?.filter((hash) => !cells.some((cell) => cell.hash === hash)) ??
    [];
  if (strangers.length > 0) {
    throw new UserError(
      ExitCode.usage,
      `Cannot find cell "${
        strangers[0]
      }" in plan "${plan.name}": expected the "cell" of a line of its ` +
        "results",
    );
  }
  const keyOf = ({ model }: KnownCell) => typeof model === "string" ? model : model.hash;
  const groups = [...Map.groupBy(cells, keyOf).values()];
  const { index, count } = options.shard ?? { index: 1, count: 1 };
  return groups.filter((_, at) => at % count === index - 1).map((members) => {
    const { model } = members[0]!;
    return {
      training: typeof model === "string" ? undefined : model,
      cells: members.filter(({ hash }) => options.cells?.includes(hash) ?? true),
    };
  });
}

function makeFolders(output: string, plan: string): void {
  try {
    for (const name of [SWEEP_FILES.outputs, SWEEP_FILES.testSets]) {
      Deno.mkdirSync(`${output}/${name}`, { recursive: true });
    }
  } catch (error) {
    throw unwritable(output, error);
  }
  const text = readTextFile(plan);
  writeFileAtomically(
    `${output}/${SWEEP_FILES.plan}`,
    (file) => writeAll(file, new TextEncoder().encode(text)),
  );
}

function resultsPath(output: string, shard: Shard | undefined): string {
  const { prefix, suffix } = SWEEP_FILES.results;
  const part = shard === undefined ? "" : `-${shard.index}-of-${shard.count}`;
  return `${output}/${prefix}${part}${suffix}`;
}

/** What cells are worked on with. */
interface WorkOptions {
  readonly plan: Plan;
  readonly planPath: string;
  readonly output: string;
  readonly trainings: string;
  readonly alone: boolean;
  readonly results: ResultsFile;
  readonly progress: SweepProgress;
  readonly interrupts: Interrupts;
}

/** Trains and measures, one group after another. */
class Work {
  readonly #options: WorkOptions;
  readonly #testSets = new Map<string, Promise<{ path: string; records: readonly TestRecord[] }>>();
  /** What went wrong with single cells and trainings. */
  readonly failures: UserError[] = [];

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  get #isStopped(): boolean {
    return this.#options.interrupts.received !== undefined;
  }

  /** What a user can mend is noted, and the next group may do better. */
  async onGroup({ training, cells }: Group): Promise<void> {
    const what = labelOf(cells[0]!.axes);
    try {
      const record = training && await this.#train(training, what);
      for (const cell of cells) {
        if (this.#isStopped) return;
        await this.#measure(cell, record);
      }
    } catch (error) {
      if (!(error instanceof UserError) || error.exitCode === ExitCode.output) throw error;
      if (this.#isStopped) return;
      this.failures.push(error);
      this.#options.progress.say(`Failed with ${what}: ${error.message}`);
    }
  }

  async #train(training: Training, what: string): Promise<TrainingRecord | undefined> {
    const { plan, trainings, progress, alone, interrupts } = this.#options;
    if (this.#isStopped) return undefined;
    const folder = `${trainings}/${training.hash}`;
    const done = finishedTraining(folder);
    if (done !== undefined) {
      progress.trained(undefined);
      return { ...done, folder };
    }
    progress.begin(`training ${what}`);
    const began = performance.now();
    const record = await trainCell({
      config: plan.config,
      training,
      folder,
      budget: plan.budget,
      alone,
      signal: interrupts.signal,
      onMessage: (line) => progress.detail(line),
    });
    removeCheckpoints(folder);
    progress.trained((performance.now() - began) / 1000);
    return record;
  }

  async #measure(cell: KnownCell, training: TrainingRecord | undefined): Promise<void> {
    const { plan, planPath, output, results, progress, alone, interrupts } = this.#options;
    const model = typeof cell.model === "string"
      ? loadModelFolder(cell.model).path
      : `${training!.folder}/${RUN_FILES.model}`;
    const testSet = await this.#testSet(cell.data);
    progress.begin(`measuring ${labelOf(cell.axes)}`);
    const began = performance.now();
    let lines = 0;
    const { measured, outputs, options } = await evaluateCell({
      model,
      generation: cell.generation,
      testSet: testSet.records,
      metrics: plan.metrics,
      alone,
      signal: interrupts.signal,
      onLine: () => progress.detail(`${++lines}/${testSet.records.length} lines`),
    });
    const outputsPath = `${SWEEP_FILES.outputs}/${cell.hash}.jsonl`;
    writeRecords(`${output}/${outputsPath}`, outputs);
    const record: CellRecord = {
      format: CELL_FORMAT,
      cell: cell.hash,
      plan: plan.name,
      axes: cell.axes,
      model,
      training: training ?? null,
      generation: asJson(options),
      testSet: testSet.path,
      outputs: outputsPath,
      ...measured,
      command: `ardiff sweep ${planPath} --cell ${cell.hash}`,
      version: VERSION,
      commit: currentCommit() ?? null,
      machine: thisMachine(),
      date: new Date().toISOString(),
    };
    results.add(record);
    const first = measured.scores[0];
    progress.measured(
      `${labelOf(cell.axes)}: ${
        first === undefined ? "" : `${first.name} ${first.score.toFixed(2)}, `
      }` +
        `${measured.calls.mean.toFixed(2)} calls a line`,
      (performance.now() - began) / 1000,
    );
  }

  /** Reads a test set and puts it beside the results, so that a report needs nothing else. */
  #testSet(data: DataSpec): Promise<{ path: string; records: readonly TestRecord[] }> {
    const key = hashOf([data, this.#options.plan.lines]);
    const found = this.#testSets.get(key) ?? this.#readTestSet(data, key);
    this.#testSets.set(key, found);
    return found;
  }

  async #readTestSet(data: DataSpec, key: string) {
    const { plan, output } = this.#options;
    const path = `${SWEEP_FILES.testSets}/${key}.jsonl`;
    if (statIfPresent(`${output}/${path}`) !== null) {
      return { path, records: readRecords<TestRecord>(`${output}/${path}`) };
    }
    const all = await Array.fromAsync(readReferences(data));
    const count = Math.min(plan.lines || Infinity, all.length);
    const records = Array.from({ length: count }, (_, i): TestRecord => {
      const { source, references } = all[Math.floor(i * all.length / count)]!;
      return { source: source.replaceAll(/[\r\n]+/g, " "), references };
    });
    writeRecords(`${output}/${path}`, records);
    return { path, records };
  }
}

/** Options of which integers of 64 bits are texts, as JSON has none. */
function asJson(options: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      typeof value === "bigint" ? `${value}` : value,
    ]),
  );
}
