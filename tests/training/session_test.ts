import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import type { ProgressOutput } from "../../src/host/status_line.ts";
import { readTextFile } from "../../src/host/files.ts";
import { SaveSignal } from "../../src/host/save_signal.ts";
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

/** How a session departs from ten updates without a limit of time. */
interface Departures {
  readonly set?: readonly string[];
  readonly last?: number;
  /** Milliseconds that updates may take. */
  readonly milliseconds?: number;
  readonly io?: ProgressOutput;
}

/** Trains ten updates, validated with texts of the caller's, and returns the folder of checkpoints. */
async function trainWith(
  folder: string,
  generateTexts: TextGenerator,
  { set = [], last = 10, milliseconds = Infinity, io = SILENT }: Departures = {},
): Promise<string> {
  const source = writeRun(folder);
  const config = parseTrainingConfig(readTextFile(source), source, [
    "validation.every=4",
    "log.every=1",
    ...set,
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
  const limits = { last, deadline: performance.now() + milliseconds };
  using reporter = new Reporter({ output: folder, config, start, ...limits, io, group: ALONE });
  using saveSignal = new SaveSignal();
  const session = new Session({
    run,
    saveSignal,
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

/** Puts what is said into a list. */
function listener(): ProgressOutput & { readonly said: string[] } {
  const said: string[] = [];
  return { said, stderr: (text) => void said.push(text), interactive: false };
}

const ECHO: TextGenerator = (lines) => Promise.resolve([...lines]);

Deno.test(
  "Session says after the first micro-batch how long all will take, and ends when its time is over",
  withFolder(async (folder) => {
    const io = listener();
    const set = ["training.accumulation=1"];
    const checkpoints = await trainWith(folder, ECHO, { io, set, milliseconds: 0 });
    const [forecast] = io.said.filter((text) => text.startsWith("An update takes about "));
    assertStringIncludes(
      forecast!,
      "; the 0:00 left are enough for about 0 of this run's 10 updates.",
    );
    assertEquals(listCheckpoints(checkpoints).map((path) => path.slice(-2)), ["01"]);
  }),
);

Deno.test(
  "Session drops an update that its time does not suffice for",
  withFolder(async (folder) => {
    const io = listener();
    const checkpoints = await trainWith(folder, ECHO, { io, milliseconds: 0 });
    assertEquals(listCheckpoints(checkpoints), []);
    assertStringIncludes(io.said.join(""), "0 updates are too few to learn from");
  }),
);
