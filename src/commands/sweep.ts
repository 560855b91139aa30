/** `ardiff sweep`: runs a plan of trainings and measurements. */
import type { ProgressOutput } from "../host/status_line.ts";
import { runSweep, type SweepOptions } from "../sweep/sweep.ts";

/** The streams of the process, or of a test. */
interface SweepIo extends ProgressOutput {
  stdout(text: string): void | Promise<void>;
}

/** Runs the plan and prints the path of the folder of results. */
export async function sweep(options: SweepOptions, io: SweepIo): Promise<void> {
  await io.stdout(`${await runSweep(options, io)}\n`);
}
