import { assertEquals } from "@std/assert";
import { readLearning } from "../../src/sweep/learning.ts";
import { writeRecords } from "../../src/sweep/records.ts";
import { withFolder } from "../denoiser/test_files.ts";

Deno.test(
  "readLearning() finds when a validation was, and what an update takes of a processor",
  withFolder((folder) => {
    const update = (step: number, seconds: number, processorSecondsPerStep?: number) => ({
      event: "update",
      step,
      seconds,
      processorSecondsPerStep,
      peakBytes: step,
    });
    const path = `${folder}/log.jsonl`;
    const validation = { event: "validation", step: 15, loss: 2, bleu: 7 };
    writeRecords(path, [update(10, 5, 9), update(20, 7, 2), validation, update(30, 9, 3)]);
    const { curve, updateSeconds, updates, peakBytes } = readLearning(path);
    assertEquals(curve, [{ step: 15, seconds: 6, loss: 2, bleu: 7 }]);
    // The median: the first updates of a run take longer.
    assertEquals([updateSeconds, updates, peakBytes], [3, 30, 30]);
    writeRecords(path, [update(10, 5)]);
    assertEquals(readLearning(path).updateSeconds, null);
  }),
);
