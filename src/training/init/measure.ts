/**
 * What an update costs on this machine: a few real ones, of real pairs, with the network that is meant.
 * They are timed twice, by the clock and by what the processors did: where the machine does other work
 * meanwhile, the second says what an update takes once it is done.
 */
import process from "node:process";
import { writeAll, writeFileAtomically } from "../../host/files.ts";
import { parameterCounts } from "../../denoiser/parameters.ts";
import type { TrainingConfig } from "../config.ts";
import { ALONE } from "../process_group.ts";
import { Run } from "../run.ts";
import { BATCH_SIZE } from "./recipe.ts";
import type { SurveyedPair } from "./survey.ts";

/** What was measured. */
export interface Cost {
  /** Seconds of an update of as many tokens as the pairs' mean, on a machine that does nothing else. */
  readonly secondsPerUpdate: number;
  /** The same by the clock, as it was. */
  readonly secondsByClock: number;
  /** Updates that were timed. */
  readonly updates: number;
  readonly parameters: number;
  /** Most memory that the native library had at a time. */
  readonly peakBytes: number;
}

/** What is measured, and on what. */
interface MeasureOptions {
  readonly config: TrainingConfig;
  readonly tokenizerJson: string;
  readonly pairs: readonly SurveyedPair[];
  /** Source and target tokens of a pair, on average. */
  readonly meanTokens: number;
  /** Seconds to spend, unless that is less than three updates. */
  readonly seconds: number;
  /** Threads that compute. */
  readonly threads: number;
}

/** Processor seconds of a thread, of those of the clock, where nothing else runs. */
const EFFICIENCY = 0.9;

/** Updates before those that are timed: they find the machine cold. */
const FIRST = 1;
const LEAST = 3;
const MOST = 20;

/**
 * Measures updates.
 *
 * @throws {UserError} where the configuration cannot be trained, or the native library is missing
 */
export async function measureUpdates(options: MeasureOptions): Promise<Cost> {
  const folder = Deno.makeTempDirSync({ prefix: "ardiff-init-" });
  try {
    using run = await openRun(options, folder);
    let [count, tokens] = [0, 0];
    let began = now();
    for await (const update of run.updates()) {
      if (++count === FIRST) began = now();
      if (count <= FIRST) continue;
      tokens += update.tokens;
      const isLong = now().clock - began.clock >= options.seconds || count >= MOST;
      if (count >= FIRST + LEAST && isLong) break;
    }
    const ended = now();
    const perUpdate = BATCH_SIZE * options.meanTokens / tokens;
    const byClock = perUpdate * (ended.clock - began.clock);
    const byProcessors = perUpdate * (ended.processors - began.processors) / options.threads;
    return {
      secondsPerUpdate: Math.min(byClock, byProcessors / EFFICIENCY),
      secondsByClock: byClock,
      updates: count - FIRST,
      parameters: parameterCounts(run.model.network).total,
      peakBytes: run.trainer.usage().peakBytes,
    };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Seconds of the clock, and seconds that this process has had of processors. */
function now(): { readonly clock: number; readonly processors: number } {
  const { user, system } = process.cpuUsage();
  return { clock: performance.now() / 1000, processors: (user + system) / 1e6 };
}

function openRun(
  { config, tokenizerJson, pairs }: MeasureOptions,
  folder: string,
): Promise<Run> {
  const [data, tokenizer] = [`${folder}/pairs.jsonl`, `${folder}/tokenizer.json`];
  write(data, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  write(tokenizer, tokenizerJson);
  const spec = {
    format: "jsonl",
    file: data,
    source: "source",
    target: "target",
    groupSources: false,
  } as const;
  return Run.open({
    config: {
      ...config,
      data: { train: [{ spec, from: 0, until: null }], dev: null },
      tokenizer: { ...config.tokenizer, file: tokenizer },
    },
    source: "configuration",
    cacheFolder: `${folder}/cache`,
    checkpoint: undefined,
    say: () => {},
    group: ALONE,
  });
}

function write(path: string, text: string): void {
  writeFileAtomically(path, (file) => writeAll(file, new TextEncoder().encode(text)));
}
