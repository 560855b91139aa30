/** Checks `schedule.json`: alpha_bar, token timesteps, skipping grids. */
import { PAPER_PROCESS, processOf } from "../diffusion/process.ts";
import { readTextFile } from "../host/files.ts";
import { type Finding, relativeError, shareDifferent } from "./report.ts";

/** The file's form. `sqrt_alpha_bar`: alpha_bar of the schedule named sqrt, by steps and index. */
interface ScheduleFile {
  readonly sqrt_alpha_bar: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly token_timesteps: readonly {
    readonly length: number;
    readonly steps: number;
    readonly anchor_scale: number;
    readonly sentence_timestep: readonly number[];
    readonly token_timestep: readonly (readonly number[])[];
  }[];
  readonly skip_steps: readonly {
    readonly length: number;
    readonly steps: number;
    readonly evaluations: number;
    readonly sentence_timestep: readonly number[];
  }[];
}

/** Compares every value of the file. */
export function checkSchedule(path: string): Finding[] {
  const golden: ScheduleFile = JSON.parse(readTextFile(path));
  const file = "schedule.json";
  const findings: Finding[] = [];
  for (const [steps, values] of Object.entries(golden.sqrt_alpha_bar)) {
    const { alphaBar } = processOf({ ...PAPER_PROCESS, steps: Number(steps) }).schedule;
    const indices = Object.keys(values).map(Number);
    findings.push({
      file,
      what: `alpha_bar, T=${steps}`,
      // Relative one by one: the last is seven orders of magnitude below the first.
      error: Math.max(
        ...indices.map((i) => relativeError([alphaBar[i]!], [values[String(i)]!])),
      ),
      tolerance: 1e-12,
    });
  }
  for (const { length, steps, anchor_scale, ...expected } of golden.token_timesteps) {
    const timesteps = processOf({ ...PAPER_PROCESS, steps, anchor_scale }).timesteps(length);
    findings.push({
      file,
      what: `token timesteps, N=${length} T=${steps} anchor scale ${anchor_scale}`,
      error: shareDifferent(
        expected.sentence_timestep.flatMap((i) => [...timesteps.at(i)]),
        expected.token_timestep.flat(),
      ),
      tolerance: 0,
    });
  }
  for (const { length, steps, evaluations, sentence_timestep } of golden.skip_steps) {
    const grid = processOf({ ...PAPER_PROCESS, steps }).grid(length, evaluations, "even");
    findings.push({
      file,
      what: `step grid, N=${length} T=${steps} M=${evaluations}`,
      error: shareDifferent(grid, sentence_timestep),
      tolerance: 0,
    });
  }
  return findings;
}
