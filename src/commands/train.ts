/** `ardiff train`: from a configuration to a model folder. */
import { variable } from "../host/environment.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { placeOf } from "../training/launcher.ts";
import { train as trainModel, type TrainOptions } from "../training/train.ts";

/** Options of {@linkcode train}. */
interface TrainCommandOptions extends TrainOptions {
  /** The configuration, a TOML file. */
  readonly config: string;
}

/** The streams of the process, or of a test. */
interface TrainIo extends ProgressOutput {
  stdout(text: string): void | Promise<void>;
}

/** Trains and prints the path of the model folder, once where several ranks do. */
export async function train(
  { config, ...options }: TrainCommandOptions,
  io: TrainIo,
): Promise<void> {
  const path = await trainModel(config, options, io);
  const rank = placeOf(variable)?.rank ?? 0;
  if (rank === 0) await io.stdout(`${path}\n`);
}
