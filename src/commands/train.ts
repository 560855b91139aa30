/** `ardiff train`: from a configuration to a model folder. */
import { resolveConfiguration } from "./files.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import { train as trainModel, type TrainOptions } from "../training/train.ts";

/** Options of {@linkcode train}. */
interface TrainCommandOptions extends TrainOptions {
  /** The configuration, a TOML file, or one that comes with the program. */
  readonly config: string;
}

/** The streams of the process, or of a test. */
interface TrainIo extends ProgressOutput {
  stdout(text: string): void | Promise<void>;
}

/** Trains and prints the path of the model folder. */
export async function train(
  { config, ...options }: TrainCommandOptions,
  io: TrainIo,
): Promise<void> {
  await io.stdout(`${await trainModel(resolveConfiguration(config), options, io)}\n`);
}
