/** `ardiff average`: the mean of the weights of several models. */
import { averageModels, type AverageOptions } from "../training/average_models.ts";

/** Options of {@linkcode average}. */
interface AverageCommandOptions extends AverageOptions {
  /** Checkpoints or model folders. */
  readonly models: readonly string[];
}

/** The streams of the process, or of a test. */
interface AverageIo {
  stdout(text: string): void | Promise<void>;
}

/** Averages and prints the path of the model folder. */
export async function average(
  { models, ...options }: AverageCommandOptions,
  io: AverageIo,
): Promise<void> {
  averageModels(models, options);
  await io.stdout(`${options.output}\n`);
}
