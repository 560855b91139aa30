/** A run that is opened to be measured: by one process, without a folder, and nothing is kept of it. */
import { tell } from "../host/messages.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import type { TrainingSettings } from "./config.ts";
import { ALONE } from "./process_group.ts";
import { readRequest, type TrainOptions } from "./request.ts";
import { Run } from "./run.ts";
import { setsBefore } from "./training_sets.ts";

/**
 * Opens it, to be disposed of by the caller. Nothing is written but the cache of tokenised data.
 *
 * @throws {UserError} as `train()` does before its first update
 */
export function openTrial(
  configuration: string | TrainingSettings,
  options: TrainOptions,
  io: ProgressOutput,
): Promise<Run> {
  const { config, source, cacheFolder } = readRequest(configuration, options);
  const say = (message: string) => void tell(io, message);
  const { train } = config.data;
  const sets = setsBefore(train, train.find(({ distill }) => distill !== undefined));
  return Run.open({ config, sets, source, cacheFolder, checkpoint: undefined, say, group: ALONE });
}
