/** Ranks of one training as processes on this machine, started as torchrun starts them. */
import { Messages } from "./messages.ts";
import { trainingProcess } from "./sample_run.ts";

/** How a rank ended. */
export interface RankOutcome {
  readonly code: number;
  readonly stderr: string;
}

/** A rank that runs. */
export interface RankProcess {
  readonly process: Deno.ChildProcess;
  readonly messages: Messages;
  readonly ended: Promise<RankOutcome>;
}

/** A port that nobody is likely to have: nothing may be asked of the network here. */
export function somePort(): number {
  return 20_000 + Math.floor(Math.random() * 12_000);
}

/** Starts one rank. */
export function startRank(
  rank: number,
  size: number,
  port: number,
  config: string,
  output: string,
  ...options: string[]
): RankProcess {
  const [command, ...args] = trainingProcess(config, output, ...options);
  const process = new Deno.Command(command!, {
    args,
    stdout: "null",
    stderr: "piped",
    env: {
      RANK: String(rank),
      WORLD_SIZE: String(size),
      LOCAL_RANK: String(rank),
      LOCAL_WORLD_SIZE: String(size),
      MASTER_ADDR: "127.0.0.1",
      MASTER_PORT: String(port),
    },
  }).spawn();
  const messages = new Messages(process.stderr);
  const ended = (async () => {
    await messages.ended;
    return { code: (await process.status).code, stderr: messages.text };
  })();
  return { process, messages, ended };
}

/** Starts all ranks of a training. */
export function startRanks(
  size: number,
  config: string,
  output: string,
  ...options: string[]
): RankProcess[] {
  const port = somePort();
  return Array.from(
    { length: size },
    (_, rank) => startRank(rank, size, port, config, output, ...options),
  );
}

/** How all of them end. */
export function endOf(ranks: readonly RankProcess[]): Promise<RankOutcome[]> {
  return Promise.all(ranks.map(({ ended }) => ended));
}
