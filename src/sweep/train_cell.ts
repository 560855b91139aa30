/** Trains what a cell needs, once: a run whose folder has its record is done. */
import { loadModelFolder } from "../denoiser/model_folder.ts";
import { parameterCounts } from "../denoiser/parameters.ts";
import { removeIfPresent, statIfPresent, writeAll } from "../host/files.ts";
import { processorSeconds } from "../host/processor.ts";
import { currentCommit } from "../training/commit.ts";
import { RUN_FILES } from "../training/run_folder.ts";
import { train } from "../training/train.ts";
import type { Training } from "./identity.ts";
import { readLearning } from "./learning.ts";
import { thisMachine } from "./machine.ts";
import type { Budget } from "./plan.ts";
import { readRecords, type TrainingRecord, writeRecords } from "./records.ts";

const RECORD = "training.jsonl";
const MESSAGES = "messages.txt";

/** How it is trained. */
interface TrainCellOptions {
  /** The path of the plan's configuration. */
  readonly config: string;
  readonly training: Training;
  /** The folder of its run. */
  readonly folder: string;
  readonly budget: Budget;
  /** Whether nothing else is at work in this process. */
  readonly alone: boolean;
  /** Aborted where the sweep is stopped, of which a training that has yet to begin does not hear. */
  readonly signal: AbortSignal;
  /** Told how it goes, in lines. */
  readonly onMessage: (line: string) => void;
}

/** The record of a training that is done; undefined where it is not. */
export function finishedTraining(folder: string): TrainingRecord | undefined {
  const path = `${folder}/${RECORD}`;
  return statIfPresent(path) === null ? undefined : readRecords<TrainingRecord>(path)[0];
}

/**
 * Trains, or goes on where a run was stopped; where time is what ends a run, it begins again, since a
 * run does not know what time it had.
 *
 * @throws {UserError} for whatever `ardiff train` does, and the signal's reason where it was aborted
 */
export async function trainCell(options: TrainCellOptions): Promise<TrainingRecord> {
  const { config, training, folder, budget, alone, signal, onMessage } = options;
  const isTimed = budget.minutes !== undefined || budget.processor_minutes !== undefined;
  if (isTimed) removeRun(folder);
  Deno.mkdirSync(folder, { recursive: true });
  const began = processorSeconds();
  using messages = Deno.openSync(`${folder}/${MESSAGES}`, { append: true, create: true });
  await train(config, {
    set: training.settings,
    output: folder,
    resume: !isTimed,
    alone: true,
    signal,
    ...budget.minutes !== undefined && { maxMinutes: budget.minutes },
    ...budget.processor_minutes !== undefined && { maxProcessorMinutes: budget.processor_minutes },
  }, {
    interactive: false,
    stderr(text) {
      writeAll(messages, new TextEncoder().encode(text));
      onMessage(text.trimEnd());
    },
  });
  signal.throwIfAborted();
  const processor = processorSeconds() - began;
  const { config: model } = loadModelFolder(`${folder}/${RUN_FILES.model}`);
  const learning = readLearning(`${folder}/${RUN_FILES.log}`);
  const record: TrainingRecord = {
    hash: training.hash,
    folder,
    config: training.config,
    budget,
    command: commandOf(options, isTimed ? learning.updates : undefined),
    parameters: parameterCounts(model.network).total,
    ...learning,
    ...!alone && { updateSeconds: null },
    processorSeconds: alone ? processor : null,
    commit: currentCommit() ?? null,
    machine: thisMachine(),
  };
  writeRecords(`${folder}/${RECORD}`, [record]);
  return record;
}

/** Checkpoints are large, and what they are for is done. */
export function removeCheckpoints(folder: string): void {
  removeIfPresent(`${folder}/${RUN_FILES.checkpoints}`);
}

/** Removes what a run of this folder has written. */
function removeRun(folder: string): void {
  for (const name of [...Object.values(RUN_FILES), MESSAGES]) removeIfPresent(`${folder}/${name}`);
}

/** @param updates those that a run made which a time ended */
function commandOf({ config, training }: TrainCellOptions, updates: number | undefined): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    `ardiff train ${config}`,
    ...training.settings.map((setting) => `--set ${quoted(setting)}`),
    ...updates === undefined ? [] : [`--max-steps ${updates}`],
  ].join(" ");
}
