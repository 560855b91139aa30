/** A run that is opened to be measured: by one process, without a folder, and nothing is kept of it. */
import { tell } from "../host/messages.ts";
import type { ProgressOutput } from "../host/status_line.ts";
import type { TrainingSettings } from "./config.ts";
import { ALONE } from "./process_group.ts";
import { readRequest, type TrainOptions } from "./request.ts";
import { Run } from "./run.ts";

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
  return Run.open({ config, source, cacheFolder, checkpoint: undefined, say, group: ALONE });
}
