/** Checks `schedule.json`: alpha_bar, token timesteps, skipping grids. */
import { PAPER_PROCESS, processOf } from "../diffusion/process.ts";
import { readTextFile } from "../host/files.ts";
import { isObject } from "../host/json_value.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { parseJsonText } from "../json_text.ts";
import { type Finding, relativeError, shareDifferent } from "./report.ts";

/** More steps or slots than any model has. */
const MAX_SIZE = 1_000_000;

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

/** The file's content, its parts checked as far as its comparison relies on them. */
function parseSchedule(json: string, path: string): ScheduleFile {
  const fail = (problem: string, cause?: unknown): never => {
    throw new UserError(ExitCode.data, `Cannot read "${path}": ${problem}`, { cause });
  };
  let value: unknown;
  try {
    value = parseJsonText(json);
  } catch (error) {
    return fail(`it is not valid JSON (${messageOf(error)})`, error);
  }
  const isSize = (size: unknown) =>
    Number.isSafeInteger(size) && (size as number) > 0 && (size as number) <= MAX_SIZE;
  const isNumbers = (list: unknown) =>
    Array.isArray(list) && list.every((entry) => typeof entry === "number");
  const isEntry = (entry: unknown): entry is Record<string, unknown> =>
    isObject(entry) && isSize(entry["length"]) && isSize(entry["steps"]) &&
    isNumbers(entry["sentence_timestep"]);
  const valid = isObject(value) && isObject(value["sqrt_alpha_bar"]) &&
    Object.entries(value["sqrt_alpha_bar"]).every(([steps, values]) =>
      isSize(Number(steps)) && Number(steps) > 1 && isObject(values) &&
      isNumbers(Object.values(values))
    ) &&
    Array.isArray(value["token_timesteps"]) &&
    value["token_timesteps"].every((entry: unknown) =>
      isEntry(entry) && typeof entry["anchor_scale"] === "number" && entry["anchor_scale"] >= 1 &&
      Array.isArray(entry["token_timestep"]) && entry["token_timestep"].every(isNumbers)
    ) &&
    Array.isArray(value["skip_steps"]) &&
    value["skip_steps"].every((entry: unknown) => isEntry(entry) && isSize(entry["evaluations"]));
  return valid ? value as unknown as ScheduleFile : fail(
    'it has not the form of tests/golden/schedule.json: "sqrt_alpha_bar", ' +
      '"token_timesteps" and "skip_steps"',
  );
}

/**
 * Compares every value of the file.
 *
 * @throws {UserError} where it is damaged, or asks for timesteps that there are not
 */
export function checkSchedule(path: string): Finding[] {
  const golden = parseSchedule(readTextFile(path), path);
  try {
    return compare(golden);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `Cannot read "${path}": it has a value that no schedule has (${cause.message})`;
    throw new UserError(ExitCode.data, message, { cause });
  }
}

function compare(golden: ScheduleFile): Finding[] {
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
