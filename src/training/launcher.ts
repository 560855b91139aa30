/**
 * What a launcher of several processes says of this one: torchrun's variables, which other launchers
 * of PyTorch set too, or Slurm's.
 */
import { ExitCode, UserError } from "../errors.ts";
import type { GroupPlace } from "../native/group.ts";

/** A process among those that train together. */
export interface RankPlace extends GroupPlace {
  /** This process among those of its machine, from 0, and how many of them there are. */
  readonly localRank: number;
  readonly localSize: number;
}

/** Reads an environment variable. */
type Variables = (name: string) => string | undefined;

/** Where Slurm's tasks meet where nothing else is said: a port made of the job's number. */
const SLURM_PORTS = { first: 20_000, count: 10_000 };

/**
 * This process's place; undefined where it trains alone.
 *
 * @throws {UserError} where variables contradict each other or some are missing
 */
export function placeOf(variables: Variables): RankPlace | undefined {
  const read = (name: string) => variables(name) || undefined;
  const slurm = read("WORLD_SIZE") === undefined;
  const names = slurm ? SLURM : TORCHRUN;
  const given = read(names.size);
  // srun sets its variables for one task too, and an interactive shell may have a rank without a size.
  if (given === undefined) return undefined;
  const size = countOf(names.size, given, 1);
  if (size === 1) return undefined;
  const needed = (name: string) => read(name) ?? missing(name, names.size, given);
  const rank = countOf(names.rank, needed(names.rank), 0, size - 1);
  const localSize = countOf(names.localSize, firstNumber(read(names.localSize)) ?? "1", 1, size);
  const localRank = countOf(names.localRank, read(names.localRank) ?? "0", 0);
  return {
    rank,
    size,
    localRank,
    localSize,
    host: read("MASTER_ADDR") ??
      (slurm ? firstHost(needed("SLURM_JOB_NODELIST")) : needed("MASTER_ADDR")),
    port: countOf(
      "MASTER_PORT",
      read("MASTER_PORT") ?? (slurm ? slurmPort(needed("SLURM_JOB_ID")) : needed("MASTER_PORT")),
      1,
      65_535,
    ),
    // torchrun's agent serves the meeting point itself.
    serve: rank === 0 && read("TORCHELASTIC_USE_AGENT_STORE") !== "True",
    session: slurm
      ? `${read("SLURM_STEP_ID") ?? 0}.${read("SLURM_RESTART_COUNT") ?? 0}`
      : read("TORCHELASTIC_RESTART_COUNT") ?? "0",
  };
}

const TORCHRUN = {
  size: "WORLD_SIZE",
  rank: "RANK",
  localSize: "LOCAL_WORLD_SIZE",
  localRank: "LOCAL_RANK",
};
const SLURM = {
  size: "SLURM_NTASKS",
  rank: "SLURM_PROCID",
  localSize: "SLURM_TASKS_PER_NODE",
  localRank: "SLURM_LOCALID",
};

function countOf(name: string, text: string, low: number, high = 2 ** 31 - 1): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= low && value <= high) return value;
  throw new UserError(
    ExitCode.usage,
    `Cannot train as the launcher asks: ${name} is "${text}", expected ${low} to ${high}; start ` +
      "the ranks with torchrun or srun, or unset it to train alone",
  );
}

function missing(name: string, because: string, value: string): never {
  throw new UserError(
    ExitCode.usage,
    `Cannot train as one of ${value} ranks: ${because} is set but ${name} is not; start the ranks ` +
      `with torchrun or srun, or unset ${because} to train alone`,
  );
}

/** The number at the start of Slurm's `4(x2),3`. */
function firstNumber(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /^\d+/.exec(text)?.[0];
}

/** The first host of a node list: `cpu[03-05,9],gpu1` begins with `cpu03`. */
function firstHost(list: string): string {
  const [, prefix = "", range = ""] = /^([^,[]*)(?:\[([^\],-]*))?/.exec(list) ?? [];
  return prefix + range;
}

function slurmPort(job: string): string {
  const number = countOf("SLURM_JOB_ID", job, 0);
  return String(SLURM_PORTS.first + number % SLURM_PORTS.count);
}
