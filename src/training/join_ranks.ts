/** From what a launcher has started to ranks that may train together. */
import { ExitCode, UserError } from "../errors.ts";
import { variable } from "../host/environment.ts";
import type { TrainingConfig } from "./config.ts";
import { placeOf } from "./launcher.ts";
import { ALONE, joinRanks, type ProcessGroup } from "./process_group.ts";
import { expectSameSetup, setupOf } from "./same_setup.ts";
import { beginnings, valueAt } from "./scheduled.ts";

/** Seconds; as long as a checkpoint or a validation may take. */
const RANK_TIMEOUT = 600;

/**
 * Joins the ranks that a launcher has started; a process that none has started is alone.
 *
 * @param seconds how long to wait for ranks: to come, and later to answer
 * @throws {UserError} where there are more than can share an update, where some do not come, or differ
 */
export async function groupOf(
  config: TrainingConfig,
  seconds = RANK_TIMEOUT,
): Promise<ProcessGroup> {
  const place = placeOf(variable);
  if (place === undefined) return ALONE;
  const { accumulation } = config.training;
  const fewest = Math.min(
    ...beginnings(accumulation).map((updates) => valueAt(accumulation, updates + 1)),
  );
  if (place.size > fewest) {
    throw new UserError(
      ExitCode.usage,
      `Cannot share an update of ${fewest} micro-batch${fewest === 1 ? "" : "es"} ` +
        `(training.accumulation) among ${place.size} ranks: start at most ${fewest}, or set a ` +
        "larger training.accumulation and a smaller training.batch_size",
    );
  }
  const group = await joinRanks(place, seconds);
  try {
    await expectSameSetup(group, setupOf(config));
    return group;
  } catch (error) {
    group[Symbol.dispose]();
    throw error;
  }
}
