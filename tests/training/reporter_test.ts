import { assertEquals } from "@std/assert";
import { readTextFile } from "../../src/host/files.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { Reporter } from "../../src/training/reporter.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

const TERMS = { loss: 3, mse: 1, nll: 2, prior: 0 };
const POSITION = { epoch: 0, batch: 0 };

Deno.test(
  "Reporter does not count the shim's work on a validation as an update's",
  withFolder((folder) => {
    const source = writeRun(folder);
    const config = parseTrainingConfig(readTextFile(source), source, ["log.every=1"]);
    const state = { step: 0, skipped: 0, position: POSITION, rows: 0, seconds: 0, best: null };
    const io = { stderr: () => {}, interactive: false };
    using reporter = new Reporter({
      output: folder,
      config,
      start: state,
      last: 2,
      deadline: Infinity,
      io,
      group: { size: 1, seconds: 0 },
    });
    const usageAfter = (forward: number) => ({ forward, backward: 0, update: 0, peakBytes: 0 });
    const update = (step: number, forward: number) =>
      reporter.update(
        {
          step,
          epoch: 0,
          terms: TERMS,
          gradientNorm: 1,
          learningRate: 1,
          applied: true,
          tokens: 1,
          rows: 1,
          position: POSITION,
        },
        { ...state, step },
        1,
        usageAfter(forward),
      );
    update(1, 0.75);
    reporter.validation(
      1,
      { terms: TERMS, byTimestep: [], bleu: 0, samples: [] },
      9,
      usageAfter(9),
    );
    update(2, 9.5);
    const shares = readTextFile(`${folder}/log.jsonl`).trimEnd().split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === "update")
      .map(({ orchestration }) => orchestration);
    assertEquals(shares, [0.25, 0.5]);
  }),
);
