import { assert, assertEquals, assertRejects } from "@std/assert";
import { finishedTraining, trainCell } from "../../src/sweep/train_cell.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "../training/sample_run.ts";

Deno.test(
  "trainCell() leaves a training that is stopped before it begins for the next time",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const settings = ["training.steps=8", "validation.every=8", "log.every=4"];
    const options = {
      config,
      training: {
        hash: "a",
        settings,
        config: parseTrainingConfig(Deno.readTextFileSync(config), config, settings),
      },
      folder: `${folder}/run`,
      budget: { updates: 8 },
      alone: true,
      onMessage: () => {},
    };
    const signal = AbortSignal.abort(new Error("stopped"));
    await assertRejects(() => trainCell({ ...options, signal }), Error, "stopped");
    assertEquals(finishedTraining(options.folder), undefined);
    const record = await trainCell({ ...options, signal: new AbortController().signal });
    assertEquals(record.updates, 8);
    assert(record.updateSeconds! > 0);
    assertEquals(finishedTraining(options.folder)?.updates, 8);
  }),
);
