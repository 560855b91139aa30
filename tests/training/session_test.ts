import { assertEquals, assertRejects } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { listCheckpoints } from "../../src/training/checkpoint.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { ALONE } from "../../src/training/process_group.ts";
import { Reporter } from "../../src/training/reporter.ts";
import { Run } from "../../src/training/run.ts";
import { Session } from "../../src/training/session.ts";
import type { TextGenerator } from "../../src/training/validation.ts";
import { readValidationSet } from "../../src/training/validation_set.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

const SILENT = { stderr: () => {}, interactive: false };

/** Trains ten updates, validated with texts of the caller's, and returns the folder of checkpoints. */
async function trainWith(folder: string, generateTexts: TextGenerator): Promise<string> {
  const source = writeRun(folder);
  const config = parseTrainingConfig(readTextFile(source), source, [
    "validation.every=4",
    "log.every=1",
  ]);
  const checkpoints = `${folder}/checkpoints`;
  Deno.mkdirSync(checkpoints);
  using run = await Run.open({
    config,
    source,
    cacheFolder: `${folder}/cache`,
    checkpoint: undefined,
    say: () => {},
    group: ALONE,
  });
  const { tokenizer, model, start } = run;
  const validationSet = await readValidationSet(
    config.data.dev!,
    tokenizer,
    model,
    config.validation,
  );
  const limits = { last: 10, deadline: Infinity };
  using reporter = new Reporter({
    output: folder,
    config,
    start,
    ...limits,
    io: SILENT,
    group: ALONE,
  });
  const session = new Session({
    run,
    reporter,
    folder: checkpoints,
    validationSet,
    generateTexts,
    ...limits,
  });
  await session.train();
  return checkpoints;
}

Deno.test(
  "Session saves what it has reached where a validation fails",
  withFolder(async (folder) => {
    const full = new UserError(ExitCode.device, "Out of memory");
    const error = await assertRejects(
      () => trainWith(folder, () => Promise.reject(full)),
      UserError,
    );
    assertEquals(error, full);
    assertEquals(listCheckpoints(`${folder}/checkpoints`).map((path) => path.slice(-2)), ["04"]);
  }),
);

Deno.test(
  "Session saves the best as soon as it is known, and the last",
  withFolder(async (folder) => {
    const texts = (lines: readonly string[]) => Promise.resolve([...lines]);
    const checkpoints = await trainWith(folder, texts);
    assertEquals(listCheckpoints(checkpoints).map((path) => path.slice(-2)), ["04", "10"]);
  }),
);
