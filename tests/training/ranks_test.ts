/** Several processes that train one model. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../src/errors.ts";
import { listCheckpoints } from "../../src/training/checkpoint.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { endOf, somePort, startRank, startRanks } from "./rank_processes.ts";
import {
  assertSameWeights,
  overflowWeights,
  runTraining,
  writeDistillingRun,
  writeRun,
  writeRunInPhases,
} from "./sample_run.ts";

/** Ranks that are killed. */
const KILLS = Number(Deno.env.get("ARDIFF_TEST_KILLS") ?? 20);

/** Of the run that is killed, which each time comes some way. */
const STEPS = 20 * KILLS;

/** Five micro-batches, which neither two nor four ranks can share evenly. */
const FIVE = "training.accumulation=5";

function stepOf(checkpoint: string): number {
  return Number(checkpoint.slice(-8));
}

/** Writes a run whose data take rank 0 a while to prepare. */
function writeLargeRun(folder: string): string {
  const config = writeRun(folder);
  for (const side of ["src", "tgt"]) {
    const lines = Deno.readTextFileSync(`${folder}/train.${side}`);
    Deno.writeTextFileSync(`${folder}/train.${side}`, lines.repeat(200));
  }
  return config;
}

/** What a log says of validations, times left out. */
function validationsIn(output: string): unknown[] {
  return Deno.readTextFileSync(`${output}/log.jsonl`).trimEnd().split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === "validation")
    .map(({ seconds: _seconds, time: _time, ...rest }) => rest);
}

/** Waits until a run has saved a step at or after one. */
async function saved(output: string, step: number): Promise<void> {
  while (!listCheckpoints(`${output}/checkpoints`).some((path) => stepOf(path) >= step)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a run has logged an update. */
async function logged(output: string): Promise<void> {
  while ((await Deno.readTextFile(`${output}/log.jsonl`).catch(() => "")) === "") {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test(
  "1, 2 and 4 ranks train the same weights bit for bit, also when another number goes on",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const set = [FIVE, "validation.every=4"];
    const [alone, mixed] = [`${folder}/alone`, `${folder}/mixed`];
    await runTraining(config, { output: alone, set: [...set, "training.steps=8"] });
    for (const [size, steps] of [[2, 4], [4, 8]] as const) {
      const ends = await endOf(startRanks(size, config, mixed, ...set, `training.steps=${steps}`));
      for (const { code, stderr } of ends) assertEquals(code, ExitCode.ok, stderr);
      assertStringIncludes(ends[0]!.stderr, `${size} ranks share the micro-batches of an update`);
      assertEquals(ends.slice(1).map(({ stderr }) => stderr), Array(size - 1).fill(""));
    }
    const last = "checkpoints/step-00000008";
    assertSameWeights(`${mixed}/${last}`, `${alone}/${last}`);
    // Four micro-batches of 12 pairs and 6 lines, the same to the last digit.
    assertEquals(validationsIn(mixed), validationsIn(alone));
  }),
);

Deno.test(
  "ranks remember the same losses as one process",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const set = [
      FIVE,
      "diffusion.timesteps=learned",
      "diffusion.left_to_right_share=none",
      "training.timestep_sampler=loss_second_moment",
      "training.loss_groups=4",
      "training.schedule_every=1",
    ];
    const [alone, mixed] = [`${folder}/alone`, `${folder}/mixed`];
    await runTraining(config, { output: alone, set: [...set, "training.steps=8"] });
    for (const steps of [5, 8]) {
      const ends = await endOf(startRanks(2, config, mixed, ...set, `training.steps=${steps}`));
      for (const { code, stderr } of ends) assertEquals(code, ExitCode.ok, stderr);
    }
    const last = "checkpoints/step-00000008";
    assertSameWeights(`${mixed}/${last}`, `${alone}/${last}`);
  }),
);

/** A configuration in phases, of a tenth of its updates, two ranks to share them. */
function ofATenth(config: string): string {
  return Deno.readTextFileSync(config)
    .replace("accumulation = { 0 = 1, 30 = 2 }", "accumulation = { 0 = 2, 30 = 3 }")
    .replace(/\b(30|50|60|110|150)\b/g, (updates) => String(Number(updates) / 10));
}

Deno.test(
  "ranks change options, sets of data and what is trained at the same updates as one process",
  withFolder(async (folder) => {
    const config = writeRunInPhases(folder);
    const toml = ofATenth(config)
      .replace("77 = 0.1", "7 = 0.1");
    Deno.writeTextFileSync(config, toml);
    const [alone, shared] = [`${folder}/alone`, `${folder}/shared`];
    const set = ["training.steps=18"];
    await runTraining(config, { output: alone, set });
    const ends = await endOf(startRanks(2, config, shared, ...set));
    for (const { code, stderr } of ends) assertEquals(code, ExitCode.ok, stderr);
    assertStringIncludes(ends[0]!.stderr, 'From step 16 on: training.train_only = "token_chain"');
    const last = "checkpoints/step-00000018";
    assertSameWeights(`${shared}/${last}`, `${alone}/${last}`);
    const refused = await startRank(0, 3, somePort(), config, `${folder}/more`).ended;
    assertEquals(refused.code, ExitCode.usage);
    assertStringIncludes(refused.stderr, "Cannot share an update of 2 micro-batches");
  }),
);

Deno.test(
  "ranks go on with a set that rank 0 distils, or that is there, to the weights of one process",
  withFolder(async (folder) => {
    const config = writeDistillingRun(folder);
    const toml = ofATenth(config);
    Deno.writeTextFileSync(config, toml);
    const [alone, shared] = [`${folder}/alone`, `${folder}/shared`];
    const set = ["training.steps=18"];
    await runTraining(config, { output: alone, set });
    const [name, last] = ["distilled-11.tsv", "checkpoints/step-00000018"];
    const expectTheSame = () => {
      const [one, two] = [alone, shared].map((run) => Deno.readTextFileSync(`${run}/${name}`));
      assertEquals(one, two);
      assertSameWeights(`${shared}/${last}`, `${alone}/${last}`);
    };
    const ends = await endOf(startRanks(2, config, shared, ...set));
    for (const { code, stderr } of ends) assertEquals(code, ExitCode.ok, stderr);
    assertStringIncludes(ends[0]!.stderr, `Distilling 150 pairs into "${shared}/${name}".`);
    expectTheSame();

    // From where it was due, with the set there and gone.
    for (const there of [true, false]) {
      for (const path of listCheckpoints(`${shared}/checkpoints`)) {
        if (stepOf(path) > 11) Deno.removeSync(path, { recursive: true });
      }
      if (!there) Deno.removeSync(`${shared}/${name}`);
      const again = await endOf(startRanks(2, config, shared, ...set));
      for (const { code, stderr } of again) assertEquals(code, ExitCode.ok, stderr);
      assertEquals(again[0]!.stderr.includes("Distilling"), !there, again[0]!.stderr);
      expectTheSame();
    }
  }),
);

Deno.test(
  "a signal at one rank ends all of them between the micro-batches of an update",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const set = ["training.steps=100000", "training.accumulation=401", "log.every=1"];
    const ranks = startRanks(2, config, output, ...set);
    await Promise.race([logged(output), ...ranks.map((rank) => rank.ended)]);
    ranks[1]!.process.kill("SIGTERM");
    const said = (await endOf(ranks)).map(({ code, stderr }) => {
      assertEquals(code, ExitCode.terminated, stderr);
      return /Stopped by SIGTERM at step \d+, which is saved/.exec(stderr)?.[0];
    });
    assertEquals(said[0], said[1]);
    assert(said[0] !== undefined);
  }),
);

Deno.test(
  `kill -9 of a random rank (${KILLS} times) ends the others, and a restart goes on`,
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const [killed, whole] = [`${folder}/killed`, `${folder}/whole`];
    const set = ["training.accumulation=3", `training.steps=${STEPS}`, "checkpoints.every=5"];
    let alive = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = stepOf(listCheckpoints(`${killed}/checkpoints`).at(-1) ?? "00000000");
      const ranks = startRanks(3, config, killed, ...set, "rank-timeout=60");
      await Promise.race([saved(killed, before + 5), endOf(ranks)]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
      const victim = Math.floor(Math.random() * 3);
      try {
        ranks[victim]!.process.kill("SIGKILL");
      } catch {
        // It had already ended.
      }
      const outcomes = await endOf(ranks);
      if ((await ranks[victim]!.process.status).signal === "SIGKILL") alive++;
      for (const [rank, { code, stderr }] of outcomes.entries()) {
        if (rank === victim || code === ExitCode.ok) continue;
        assertEquals(code, ExitCode.ranks, stderr);
        assertMatch(
          stderr,
          new RegExp(
            `^(.*\n)*Error: Rank ${rank} of 3 cannot go on: another rank has ended; .*\n$`,
          ),
        );
      }
    }
    // Else it would not have been tried.
    assert(2 * alive > KILLS, `${alive} of ${KILLS} kills came before the rank had ended`);
    const ends = await endOf(startRanks(3, config, killed, ...set));
    for (const { code, stderr } of ends) assertEquals(code, ExitCode.ok, stderr);
    await runTraining(config, { output: whole, set });
    const last = `checkpoints/step-${String(STEPS).padStart(8, "0")}`;
    assertSameWeights(`${killed}/${last}`, `${whole}/${last}`);
  }),
);

Deno.test(
  "a rank that stalls ends the others within the timeout, after saving what was reached",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const set = ["training.steps=100000", "checkpoints.every=0", "rank-timeout=10"];
    const [first, second] = startRanks(2, config, output, ...set);
    await Promise.race([logged(output), first!.ended]);
    second!.process.kill("SIGSTOP");
    const { code, stderr } = await first!.ended;
    second!.process.kill("SIGKILL");
    assertEquals(code, ExitCode.ranks, stderr);
    assertStringIncludes(
      stderr,
      "Rank 0 of 2 cannot go on: another rank did not answer within 10 s",
    );
    assertEquals(listCheckpoints(`${output}/checkpoints`).length, 1);
    await second!.ended;
  }),
);

Deno.test(
  "rank 0 that stalls while it prepares data ends the others within the timeout",
  withFolder(async (folder) => {
    const config = writeLargeRun(folder);
    const output = `${folder}/run`;
    const set = ["training.steps=100000", "rank-timeout=5"];
    const [first, second] = startRanks(2, config, output, ...set);
    await first!.messages.until("Training a tokenizer");
    first!.process.kill("SIGSTOP");
    const bound = setTimeout(() => second!.process.kill("SIGKILL"), 120_000);
    const { code, stderr } = await second!.ended;
    clearTimeout(bound);
    first!.process.kill("SIGKILL");
    assertEquals(code, ExitCode.ranks, stderr);
    assertStringIncludes(
      stderr,
      "Rank 1 of 2 cannot go on: another rank did not answer within 5 s",
    );
    await first!.ended;
  }),
);

Deno.test(
  "a rank that ends while rank 0 prepares data ends rank 0",
  withFolder(async (folder) => {
    const config = writeLargeRun(folder);
    const [first, second] = startRanks(2, config, `${folder}/run`);
    await first!.messages.until("Training a tokenizer");
    second!.process.kill("SIGKILL");
    const { code, stderr } = await first!.ended;
    assertEquals(code, ExitCode.ranks, stderr);
    assertStringIncludes(stderr, "Rank 0 of 2 cannot go on: another rank has ended");
    await second!.ended;
  }),
);

Deno.test(
  "a rank that never comes ends the others within the timeout, named",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const rank = startRank(0, 2, somePort(), config, `${folder}/run`, "rank-timeout=1");
    const { code, stderr } = await rank.ended;
    assertEquals(code, ExitCode.ranks, stderr);
    assertMatch(
      stderr,
      /^Error: Rank 0 of 2 cannot go on: rank 1 did not come within 1 s; .*\n$/,
    );
  }),
);

Deno.test(
  "ranks with another configuration are refused, and so are more ranks than micro-batches",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const port = somePort();
    const ends = await endOf([
      startRank(0, 2, port, config, `${folder}/run`),
      startRank(1, 2, port, config, `${folder}/run`, "training.dropout=0.2"),
    ]);
    for (const { code, stderr } of ends) {
      assertEquals(code, ExitCode.ranks);
      assertStringIncludes(
        stderr,
        "Cannot train with ranks that differ: the training.dropout is 0.1 on rank 0 and 0.2 on rank 1",
      );
    }
    const { code, stderr } = await startRank(0, 3, port, config, `${folder}/run`).ended;
    assertEquals(code, ExitCode.usage);
    assertStringIncludes(
      stderr,
      "Cannot share an update of 2 micro-batches (training.accumulation) among 3 ranks",
    );
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "run"), false);
  }),
);

Deno.test(
  "SIGTERM at one rank stops all after the same step, SIGUSR1 at one saves and goes on",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const set = ["training.steps=100000", "checkpoints.every=0"];
    const ranks = startRanks(2, config, output, ...set);
    const ended = Promise.any(ranks.map((rank) => rank.ended));
    // Until a rank listens, the signal would end it.
    await Promise.race([logged(output), ended]);
    ranks[1]!.process.kill("SIGUSR1");
    await Promise.race([saved(output, 1), ended]);
    ranks[1]!.process.kill("SIGTERM");
    const ends = await endOf(ranks);
    const steps = listCheckpoints(`${output}/checkpoints`).map(stepOf);
    assertEquals(steps.length, 2);
    assert(steps[1]! > steps[0]!);
    for (const { code, stderr } of ends) {
      assertEquals(code, ExitCode.terminated, stderr);
      assertStringIncludes(stderr, `Stopped by SIGTERM at step ${steps[1]}, which is saved`);
    }
  }),
);

Deno.test(
  "a loss that is not finite stops all ranks, whichever computed it",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 3 });
    overflowWeights(`${output}/checkpoints/step-00000003/training.safetensors`);
    const ends = await endOf(startRanks(2, config, output));
    const [first, second] = ends.map(({ stderr }) => /Error: (.*)/.exec(stderr)?.[1]);
    assertEquals(ends.map(({ code }) => code), [ExitCode.diverged, ExitCode.diverged], first);
    assertStringIncludes(first!, "Stopped at step 4: the loss of micro-batch 0 is ");
    assertEquals(first, second);
  }),
);
