import { assertEquals } from "@std/assert";
import { readTextFile } from "../../src/host/files.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { Reporter } from "../../src/training/reporter.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

const TERMS = { loss: 3, mse: 1, nll: 2, prior: 0 };
const POSITION = { epoch: 0, batch: 0 };

Deno.test(
  "Reporter shows control characters of samples, and cuts long ones",
  withFolder((folder) => {
    const source = writeRun(folder);
    const config = parseTrainingConfig(readTextFile(source), source);
    const state = { step: 0, skipped: 0, position: POSITION, rows: 0, seconds: 0, best: null };
    let told = "";
    const io = { stderr: (text: string) => (told += text), interactive: false };
    const group = { size: 1, seconds: 0 };
    const options = {
      output: folder,
      config,
      start: state,
      last: 2,
      deadline: Infinity,
      io,
      group,
    };
    using reporter = new Reporter(options);
    const samples = [{ source: "\x1b[1mError:\r\n no", output: "x".repeat(1e6), reference: "" }];
    const usage = { forward: 0, backward: 0, update: 0, peakBytes: 0 };
    reporter.validation(1, { terms: TERMS, byTimestep: [], bleu: 0, samples }, 9, usage);
    const [, first, second = ""] = told.split("\n");
    assertEquals(first, "  \\u001b[1mError:\\r\\n no");
    assertEquals(second.length < 3000, true);
  }),
);

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
