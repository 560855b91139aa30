/** Runs that are killed, interrupted, or run out of disk, in processes of their own. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../src/errors.ts";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { readSafetensors } from "../../src/denoiser/safetensors.ts";
import { listCheckpoints, readRecord } from "../../src/training/checkpoint.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { Messages } from "./messages.ts";
import {
  assertSameWeights,
  runTraining,
  trainingProcess,
  writeDistillingRun,
  writeRun,
  writeRunInPhases,
} from "./sample_run.ts";

const KILLS = 20;

/** Starts a run. */
function start(config: string, output: string, ...options: string[]) {
  const [command, ...args] = trainingProcess(config, output, ...options);
  const process = new Deno.Command(command!, { args, stdout: "null", stderr: "piped" }).spawn();
  const messages = new Messages(process.stderr);
  const ended = (async () => {
    await messages.ended;
    return { code: (await process.status).code, stderr: messages.text };
  })();
  return { process, messages, ended };
}

/** What is in a folder; nothing where there is none. */
function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}

/** The last step that a run has told its log to be saved. */
function savedBy(output: string): number {
  const lines = namesIn(output).includes("log.jsonl")
    ? Deno.readTextFileSync(`${output}/log.jsonl`).split("\n").slice(0, -1)
    : [];
  const saved = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "checkpoint");
  return Math.max(0, ...saved.map(({ step }) => step));
}

/** Loads everything that a run's folder holds. */
function checkFolder(output: string): string[] {
  const checkpoints = listCheckpoints(`${output}/checkpoints`);
  for (const path of checkpoints) {
    loadModelFolder(path);
    readSafetensors(`${path}/training.safetensors`);
    assertEquals(readRecord(path).step, Number(path.slice(-8)));
  }
  if (namesIn(output).includes("model")) loadModelFolder(`${output}/model`);
  for (const name of namesIn(`${output}/checkpoints`)) {
    assert(/^step-\d{8}(\.tmp-.*)?$/.test(name), name);
  }
  return checkpoints;
}

for (
  const [what, write] of [["", writeRunInPhases], [
    ", one that distils,",
    writeDistillingRun,
  ]] as const
) {
  Deno.test(
    `kill -9 of a run${what} at ${KILLS} random moments leaves only folders that load, and loses no step that was saved`,
    withFolder(async (folder) => {
      const config = write(folder);
      const [killed, whole] = [`${folder}/killed`, `${folder}/whole`];
      const options = ["checkpoints.every=4"];
      let reached = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const run = start(config, killed, ...options);
        // One in four dies while it starts; the others while they train and save.
        if (kill % 4 !== 0) await run.messages.until("step ");
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 200));
        try {
          run.process.kill("SIGKILL");
        } catch {
          // It had already ended.
        }
        await run.ended;
        const last = Number(checkFolder(killed).at(-1)?.slice(-8) ?? 0);
        reached = Math.max(reached, savedBy(killed));
        assert(last >= reached, `step ${reached} was lost: the last is ${last}`);
        reached = last;
      }
      const { code, stderr } = await start(config, killed, ...options).ended;
      assertEquals(code, ExitCode.ok, stderr);
      await runTraining(config, { output: whole, set: options });
      const last = "checkpoints/step-00000200";
      assertSameWeights(`${killed}/${last}`, `${whole}/${last}`);
      assertEquals(namesIn(`${killed}/checkpoints`).filter((name) => name.includes(".tmp-")), []);
    }),
  );
}

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(
    `${signal} saves what is done and exits ${exitCode}; the run can go on`,
    withFolder(async (folder) => {
      const config = writeRun(folder);
      const output = `${folder}/run`;
      const steps = "training.steps=100000";
      const run = start(config, output, steps, "checkpoints.every=0");
      await run.messages.until("step ");
      run.process.kill(signal);
      const { code, stderr } = await run.ended;
      assertEquals(code, exitCode);
      const [checkpoint, ...others] = checkFolder(output) as [string];
      assertEquals(others, []);
      const step = Number(checkpoint.slice(-8));
      assertStringIncludes(stderr, `Stopped by ${signal} at step ${step}, which is saved`);
      const { stderr: second } = await runTraining(config, {
        output,
        resume: true,
        maxSteps: step + 2,
        set: [steps],
      });
      assertStringIncludes(second, `Going on from step ${step}.`);
    }),
  );
}

Deno.test(
  "SIGUSR1 while data are prepared or distilled is remembered, and the run goes on",
  withFolder(async (folder) => {
    const config = writeDistillingRun(folder);
    const output = `${folder}/run`;
    const run = start(
      config,
      output,
      "training.steps=112",
      "checkpoints.every=0",
      "checkpoints.keep=10",
    );
    for (const message of ["Training a tokenizer", "Distilling 150 pairs"]) {
      await run.messages.until(message);
      run.process.kill("SIGUSR1");
    }
    const { code, stderr } = await run.ended;
    assertEquals(code, ExitCode.ok, stderr);
    const steps = checkFolder(output).map((path) => Number(path.slice(-8)));
    assert(steps[0]! < 110, `${steps}`); // what a signal asked for, before the one that is due
    assertEquals([steps[1], steps.at(-1)], [110, 112]);
  }),
);

Deno.test(
  "a signal that comes twice at once, as Ctrl-C does through deno task, is one signal",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    // A step of so many micro-batches takes a while, so that both come before it ends.
    const run = start(config, output, "training.accumulation=100", "training.steps=100000");
    await run.messages.until("step ");
    run.process.kill("SIGINT");
    await run.messages.until("once more to stop at once");
    run.process.kill("SIGINT");
    const { code, stderr } = await run.ended;
    assertEquals(code, ExitCode.interrupted);
    assertStringIncludes(stderr, "which is saved");
    assertEquals(checkFolder(output).length, 1);
  }),
);

Deno.test(
  "a second signal exits at once",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    // Candidates of so many calls take minutes.
    const run = start(
      config,
      output,
      "validation.every=1",
      "validation.steps=1000",
      "validation.candidates=1000",
    );
    await run.messages.until("step ");
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.process.kill("SIGINT");
    await run.messages.until("once more to stop at once");
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.process.kill("SIGINT");
    const { code } = await run.ended;
    assertEquals(code, ExitCode.interrupted);
    assertEquals(checkFolder(output), []);
  }),
);

Deno.test(
  "a full disk is a clear error, and earlier checkpoints stay",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 5 });
    const before = checkFolder(output);
    // No file may grow beyond 20 blocks, which a checkpoint's weights would.
    const limited = "trap '' XFSZ; ulimit -f 20; exec \"$@\"";
    const command = trainingProcess(config, output);
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", limited, "sh", ...command],
      stdout: "null",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertStringIncludes(text, `Error: Cannot write "${output}/checkpoints/step-00000050": `);
    assertStringIncludes(text, "what was saved before is whole: mend that and go on with --resume");
    assertEquals(code, ExitCode.output);
    assertEquals(checkFolder(output), before);
    assertEquals(namesIn(`${output}/checkpoints`).filter((name) => name.includes(".tmp-")), []);
  }),
);

Deno.test(
  "a full disk while the data are cached is one sentence",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    // No file may grow beyond 2 blocks, which the ids of the data would.
    const limited = "trap '' XFSZ; ulimit -f 2; exec \"$@\"";
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", limited, "sh", ...trainingProcess(config, `${folder}/run`)],
      stdout: "null",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertMatch(
      text,
      /\nError: Cannot write ".*\/\.cache\/ardiff\/[0-9a-f]+": File too large.*\n$/,
    );
    assertEquals(code, ExitCode.output);
    assertEquals(namesIn(`${folder}/.cache/ardiff`), []);
  }),
);
