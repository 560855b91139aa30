import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dryRun } from "../../src/training/dry_run.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

const SILENT = { stderr: () => {}, interactive: false };

Deno.test(
  "dryRun() tells sizes, memory and time, and makes no run",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const report = await dryRun(config, { output, maxMinutes: 0 }, SILENT);
    for (
      const line of [
        /^150 pairs, 18,190 parameters, on cpu in f32\.$/m,
        /^Parameters: 18,190 \(encoder [\d,]+, decoder [\d,]+, embeddings [\d,]+, time [\d,]+\)\.$/m,
        /^An epoch is 19 micro-batches of 9\.3 tokens a pair\. One of 8 pairs, \d+ tokens /m,
        /^Memory: 0\.4 MB of weights, gradients, moments and average; \d+ MB at the peak/m,
        /^An update takes about .*; the 0:00 left are enough for about 0 of this run's 200 updates\.$/m,
        /^All 200 would take \d+:\d\d\.$/m,
      ]
    ) assertMatch(report, line);
    assertStringIncludes(report, "0 updates are too few to learn from");
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "run"), false);
  }),
);
