/** `ardiff train`: from a configuration to a model folder. */
import { train as trainModel, type TrainIo, type TrainOptions } from "../training/train.ts";

/** Options of {@linkcode train}. */
export interface TrainCommandOptions extends TrainOptions {
  /** The configuration, a TOML file. */
  readonly config: string;
}

/** Trains and prints the path of the model folder. */
export function train(
  { config, ...options }: TrainCommandOptions,
  io: TrainIo,
): Promise<void> {
  return trainModel(config, options, io);
}
