/**
 * Checkpoints: model folders (the averaged weights, ready to generate) that also hold what training
 * needs to go on: `training.safetensors` (weights and moments) and `training.json` (where it
 * stands). A checkpoint is built under another name, flushed and renamed: it is whole or not there.
 */
import type { ModelConfig } from "../denoiser/config.ts";
import {
  loadModelFolder,
  MODEL_FILES,
  type ModelFolder,
  writeModelFolder,
} from "../denoiser/model_folder.ts";
import { floatTensor, readSafetensors, writeSafetensors } from "../denoiser/safetensors.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Fail } from "../host/fail.ts";
import {
  readTextFile,
  removeIfPresent,
  syncFolder,
  temporaryName,
  temporaryNames,
  unwritableFolder,
  writeAll,
  writeFileAtomically,
} from "../host/files.ts";
import {
  type Fields,
  integer,
  nullable,
  number,
  oneOf,
  readKnownFields,
  text,
} from "../host/json_fields.ts";
import { describe, isObject, type JsonObject } from "../host/json_value.ts";
import { checkManifest, writeManifest } from "../host/manifest.ts";
import type { FlatPlace, NativeTrainer } from "../native/trainer.ts";
import type { TrainingConfig } from "./config.ts";
import type { DataPosition } from "./data_order.ts";
import type { LossMemory } from "./loss_memory.ts";
import { BEST_METRICS } from "./option_sections/upkeep.ts";

/** A validation that was better than all before it. */
export interface Best {
  readonly step: number;
  readonly metric: (typeof BEST_METRICS)[number];
  readonly value: number;
}

/** Where a run stands. */
export interface RunState {
  /** Updates done, those left out included. */
  readonly step: number;
  /** Updates left out because their gradients were not finite. */
  readonly skipped: number;
  readonly position: DataPosition;
  /** Rows trained on. */
  readonly rows: number;
  /** Seconds of training, of all parts of the run. */
  readonly seconds: number;
  readonly best: Best | null;
}

/** The content of `training.json`. */
export interface TrainingRecord extends RunState {
  readonly format: typeof CHECKPOINT_FORMAT;
  /** Hash of the tokenised training data. */
  readonly data: string;
  readonly config: TrainingConfig;
}

/** What a checkpoint is made from. */
export interface CheckpointContent {
  readonly state: RunState;
  readonly data: string;
  readonly config: TrainingConfig;
  readonly model: ModelConfig;
  readonly tokenizerJson: string;
  /** What is remembered of losses, in a run that does. */
  readonly memory?: Float32Array<ArrayBuffer>;
}

const CHECKPOINT_FORMAT = "ardiff-checkpoint-1";
const FILES = { record: "training.json", state: "training.safetensors" };
const MEMORY = "lossMemory";
const MOMENTS = ["weights", "firstMoment", "secondMoment"] as const;

/**
 * Writes the checkpoint of a step.
 *
 * @returns its path
 * @throws {UserError} where it cannot be written; nothing is left behind
 */
export function writeCheckpoint(
  folder: string,
  trainer: NativeTrainer,
  layout: readonly FlatPlace[],
  { state, data, config, model, tokenizerJson, memory }: CheckpointContent,
): string {
  const path = `${folder}/${nameOf(state.step)}`;
  const temporary = temporaryName(path);
  try {
    writeModelFolder(temporary, {
      config: model,
      values: tensorsOf(trainer.read("average"), layout),
      dtype: "F32",
      tokenizerJson,
    });
    const buffers = MOMENTS.map((name) =>
      floatTensor(name, [trainer.size], () => trainer.read(name), "F32")
    );
    if (memory) buffers.push(floatTensor(MEMORY, [memory.length], () => memory, "F32"));
    writeSafetensors(`${temporary}/${FILES.state}`, buffers);
    const record: TrainingRecord = { format: CHECKPOINT_FORMAT, ...state, data, config };
    writeFileAtomically(`${temporary}/${FILES.record}`, (file) => {
      writeAll(file, new TextEncoder().encode(JSON.stringify(record, null, 2) + "\n"));
    });
    writeManifest(temporary, [...Object.values(MODEL_FILES), ...Object.values(FILES)]);
    Deno.renameSync(temporary, path);
    syncFolder(folder);
    return path;
  } catch (error) {
    removeIfPresent(temporary);
    const { message, exitCode, cause } = unwritableFolder(path, error);
    throw new UserError(
      exitCode,
      `${message}; what was saved before is whole: mend that and go on with --resume`,
      { cause },
    );
  }
}

/** All checkpoints of a run, the earliest first. */
export function listCheckpoints(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name)
      .filter((name) => STEP_NAME.test(name))
      .sort()
      .map((name) => `${folder}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Removes what writers that were killed left behind of checkpoints. */
export function removeUnfinished(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    const [step = ""] = name.split(".", 1);
    if (!STEP_NAME.test(step)) continue;
    if (temporaryNames(`${folder}/${step}`).includes(`${folder}/${name}`)) {
      removeIfPresent(`${folder}/${name}`);
    }
  }
}

/** Removes all but the last `keep` checkpoints and the one of step `best`. */
export function pruneCheckpoints(folder: string, keep: number, best: number | undefined): void {
  for (const path of listCheckpoints(folder).slice(0, -keep)) {
    if (best === undefined || path !== checkpointPath(folder, best)) removeAtomically(path);
  }
}

/** Removes a checkpoint so that a reader finds all of it or nothing. */
function removeAtomically(path: string): void {
  const temporary = temporaryName(path);
  Deno.renameSync(path, temporary);
  removeIfPresent(temporary);
}

/** The path of the checkpoint of a step. */
export function checkpointPath(folder: string, step: number): string {
  return `${folder}/${nameOf(step)}`;
}

/**
 * Reads where a checkpoint stands, after a look at all its files.
 *
 * @throws {UserError} where it is damaged
 */
export function readRecord(path: string): TrainingRecord {
  const file = `${path}/${FILES.record}`;
  return reading(path, () => {
    const fail: Fail = (problem) => {
      throw new UserError(ExitCode.model, `Cannot resume from "${file}": ${problem}`);
    };
    checkManifest(path, (problem) => {
      throw new UserError(ExitCode.model, `Cannot resume from "${path}": ${problem}`);
    });
    return checkRecord(parseRecord(readTextFile(file), fail), fail);
  });
}

function parseRecord(json: string, fail: Fail): JsonObject {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : fail(`it is ${describe(value)}, expected an object`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    return fail(messageOf(error));
  }
}

const MOST = Number.MAX_SAFE_INTEGER;
const COUNT = integer(0, MOST);
const POSITION: Fields<DataPosition> = { epoch: COUNT, batch: COUNT };
const BEST: Fields<Best> = {
  step: COUNT,
  metric: oneOf(BEST_METRICS),
  value: number(-Number.MAX_VALUE, Number.MAX_VALUE),
};
const anObject = {
  expected: "an object",
  accepts: (value: unknown): value is JsonObject => isObject(value),
};

function checkRecord(record: JsonObject, fail: Fail): TrainingRecord {
  const { format } = record;
  if (format !== CHECKPOINT_FORMAT) {
    fail(`its format is ${describe(format)}, not "${CHECKPOINT_FORMAT}"`);
  }
  const { position, best, config, ...rest } = readKnownFields(
    record,
    {
      step: COUNT,
      skipped: COUNT,
      rows: COUNT,
      seconds: number(0, MOST),
      position: anObject,
      best: nullable(anObject),
      data: text,
      config: anObject,
    },
    "",
    fail,
  );
  return {
    format: CHECKPOINT_FORMAT,
    ...rest,
    position: readKnownFields(position, POSITION, "position", fail),
    best: best && readKnownFields(best, BEST, "best", fail),
    // Of sections and options that it lacks or has in excess, findChangedKey() knows what to think.
    config: config as unknown as TrainingConfig,
  };
}

/** Puts weights, moments and average of a checkpoint into a trainer. */
export function restoreTrainer(
  path: string,
  trainer: NativeTrainer,
  layout: readonly FlatPlace[],
): ModelFolder {
  return reading(path, () => {
    const folder = loadModelFolder(path);
    const file = `${path}/${FILES.state}`;
    const { tensors } = readSafetensors(file);
    for (const name of MOMENTS) {
      const stored = tensors.get(name);
      const values = stored && toFloat32(stored);
      if (values?.length !== trainer.size) {
        throw new UserError(
          ExitCode.model,
          `Cannot resume from "${file}": "${name}" has ${values?.length ?? "no"} values, ` +
            `expected ${trainer.size}`,
        );
      }
      trainer.write(name, values);
    }
    const average = new Float32Array(trainer.size);
    for (const { name, start } of layout) {
      average.set(toFloat32(folder.tensors.get(name)!), start);
    }
    trainer.write("average", average);
    return folder;
  });
}

/** Puts back what a run remembered of losses, where it does. */
export function restoreMemory(path: string, memory: LossMemory | undefined): void {
  if (memory === undefined) return;
  reading(path, () => {
    const file = `${path}/${FILES.state}`;
    const stored = readSafetensors(file).tensors.get(MEMORY);
    const values = stored && toFloat32(stored);
    if (values?.length !== memory.state.length) {
      throw new UserError(
        ExitCode.model,
        `Cannot resume from "${file}": "${MEMORY}" has ${
          values?.length ?? "no"
        } values, expected ` +
          `${memory.state.length}`,
      );
    }
    memory.restore(values);
  });
}

/** Says of a checkpoint that is damaged what can be done. */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      error.exitCode,
      `${error.message}; remove "${path}" to use the one before it`,
      { cause: error.cause },
    );
  }
}

/** Looks up tensors in a flat buffer. */
export function tensorsOf(
  flat: Float32Array<ArrayBuffer>,
  layout: readonly FlatPlace[],
): (name: string) => Float32Array<ArrayBuffer> {
  const places = new Map(layout.map((place) => [place.name, place]));
  return (name) => {
    const place = places.get(name);
    if (place === undefined) throw new RangeError(`The network has no tensor "${name}"`);
    return flat.subarray(place.start, place.start + place.length);
  };
}

const STEP_NAME = /^step-\d{8,}$/;

/** Names sort like steps. */
function nameOf(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}
