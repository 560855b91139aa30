/** `ardiff train`: from a configuration to a model folder. */
import { ExitCode, UserError } from "../errors.ts";
import { variable } from "../host/environment.ts";
import { tell } from "../host/messages.ts";
import { resolveConfiguration } from "./files.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { dryRun } from "../training/dry_run.ts";
import { describeRange, findLearningRate, rangeTable } from "../training/find_learning_rate.ts";
import { placeOf } from "../training/launcher.ts";
import type { TrainOptions } from "../training/request.ts";
import { train as trainModel } from "../training/train.ts";

/** Options of {@linkcode train}. */
interface TrainCommandOptions extends TrainOptions {
  /** The configuration, a TOML file, or one that comes with the program. */
  readonly config: string;
  /** Say what the run would be and cost, and do not make it. */
  readonly dryRun?: boolean;
  /** Try growing learning rates, and do not make the run. */
  readonly findLr?: boolean;
}

/** The streams of the process, or of a test. */
interface TrainIo extends ProgressOutput {
  stdout(text: string): void | Promise<void>;
}

/**
 * Trains and prints the path of the model folder, once where several ranks do, or what a trial has found.
 *
 * @throws {UserError} for a trial by several ranks, and as training does
 */
export async function train(
  { config, dryRun: isDry = false, findLr = false, ...options }: TrainCommandOptions,
  io: TrainIo,
): Promise<void> {
  const path = resolveConfiguration(config);
  const place = placeOf(variable);
  if (place !== undefined && (isDry || findLr)) {
    throw new UserError(
      ExitCode.usage,
      `Cannot do --${
        isDry ? "dry-run" : "find-lr"
      } as one of ${place.size} ranks: it measures one ` +
        "process; run it without torchrun or srun",
    );
  }
  if (isDry) return await io.stdout(await dryRun(path, options, io));
  if (findLr) {
    const points = await findLearningRate(path, options, io);
    await io.stdout(rangeTable(points));
    return await tell(io, describeRange(points));
  }
  const model = await trainModel(path, options, io);
  if ((place?.rank ?? 0) === 0) await io.stdout(`${model}\n`);
}
