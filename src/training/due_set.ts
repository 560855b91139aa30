/** A set that a run has to write before it goes on: rank 0 does, while others wait. */
import { UserError } from "../errors.ts";
import { exitCodeOf, Interrupts } from "../host/interrupts.ts";
import { whileOthersWait } from "./agreement.ts";
import type { TrainingConfig } from "./config.ts";
import type { DistillTable } from "./distill/table.ts";
import { writeSet } from "./distill/write_set.ts";
import { describeData } from "./model_config.ts";
import type { ProcessGroup } from "./process_group.ts";
import type { Place } from "./run.ts";
import { teachingSet, type TrainingSet } from "./training_sets.ts";

/** What is to be written. */
export interface DueSet {
  readonly set: TrainingSet;
  readonly table: DistillTable;
  /** The model that writes it, and where the run had it. */
  readonly teacher: string;
  readonly place: Place;
}

/** What writing it needs of the run. */
interface WriteDueSetOptions {
  readonly config: TrainingConfig;
  readonly group: ProcessGroup;
  readonly say: (message: string) => void;
  /** Whether the time of the run is over. */
  readonly isOver: () => boolean;
}

/**
 * Writes a set, unless it is there. @returns on all ranks whether it is whole, or else the time is over
 *
 * @throws {UserError} on all ranks where it cannot be written, or a signal comes to one of them
 */
export async function writeDueSet(
  { set, table, teacher, place }: DueSet,
  { config, group, say, isOver }: WriteDueSetOptions,
): Promise<boolean> {
  using interrupts = new Interrupts((signal) =>
    say(`${signal}: what is distilled so far is kept; once more to stop at once.`)
  );
  const written = await whileOthersWait(group, (stop) =>
    writeSet({
      data: teachingSet(config.data.train, set.from)!.spec,
      table,
      seed: config.training.seed,
      teacher,
      load: { ...place, dtype: config.training.dtype },
      output: describeData(set.spec),
      say,
      isOver,
      signal: AbortSignal.any([stop, interrupts.signal]),
    }), () => interrupts.received);
  if ("value" in written) return written.value;
  throw new UserError(
    exitCodeOf(written.signal),
    `Stopped by ${written.signal} after step ${set.from}, which is saved: go on with --resume`,
  );
}
