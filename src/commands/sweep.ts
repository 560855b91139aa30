/** `ardiff sweep`: runs a plan of trainings and measurements. */
import type { ProgressOutput } from "../host/status_line.ts";
import { runSweep, type SweepOptions } from "../sweep/sweep.ts";
import { resolveConfiguration } from "./files.ts";

/** The streams of the process, or of a test. */
interface SweepIo extends ProgressOutput {
  stdout(text: string): void | Promise<void>;
}

/**
 * Runs the plan and prints the path of the folder of results. A configuration that comes with the
 * program is found by its name.
 */
export async function sweep(
  options: Omit<SweepOptions, "findConfiguration">,
  io: SweepIo,
): Promise<void> {
  const folder = await runSweep({ ...options, findConfiguration: resolveConfiguration }, io);
  await io.stdout(`${folder}\n`);
}
