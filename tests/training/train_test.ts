import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { readSafetensors } from "../../src/denoiser/safetensors.ts";
import { toFloat32 } from "../../src/denoiser/tensors.ts";
import { train } from "../../src/commands/train.ts";
import { describeLibrary } from "../../src/native/library_info.ts";
import { listCheckpoints } from "../../src/training/checkpoint.ts";
import { NonFiniteUpdate } from "../../src/training/updates.ts";
import { withFolder } from "../denoiser/test_files.ts";
import {
  assertSameWeights,
  overflowWeights,
  runTraining,
  writeRun,
  writeRunInPhases,
} from "./sample_run.ts";

const steps = (output: string) =>
  listCheckpoints(`${output}/checkpoints`).map((path) => Number(path.slice(-8)));

function records(output: string): Record<string, unknown>[] {
  const lines = Deno.readTextFileSync(`${output}/log.jsonl`).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

Deno.test(
  "train() makes a model folder with a card from two text files",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const { stdout, stderr } = await runTraining(config, { output, maxSteps: 60 });
    assertEquals(stdout, `${output}/model\n`);
    assertStringIncludes(stderr, "150 pairs, ");
    assertStringIncludes(stderr, "Validation at step 60: BLEU ");
    assertMatch(stderr, /60 updates in 0:\d\d, .* ms each, .* peak memory \d+ MB\.\n$/);
    const { config: model } = loadModelFolder(`${output}/model`);
    assertEquals(model.diffusion.noise_factor, 2);
    assertEquals(model.text.slots_by_source?.at(-1), 8);
    assertEquals(model.provenance["updates"], 60);
    const card = Deno.readTextFileSync(`${output}/model/README.md`);
    for (
      const part of [
        "# run",
        `ardiff train '${config}' --max-steps 60\n`,
        "## Data",
        "150 pairs",
        "| diffusion.noise_factor | 2 |",
        "At step 60: BLEU",
      ]
    ) {
      assertStringIncludes(card, part);
    }
  }),
);

/** Networks that are trained in different ways. */
const WAYS = {
  "": [],
  ", in the shifted layout": [
    "network.shifted=true",
    "network.token_chain=8",
    "network.self_conditioning=false",
    "network.time_conditioning=none",
    "diffusion.anchor_distance=1",
    "diffusion.left_to_right_share=none",
    "training.squared_error=0",
  ],
};

for (const [way, set] of Object.entries(WAYS)) {
  Deno.test(
    `train() learns: the loss falls from step to step${way}`,
    withFolder(async (folder) => {
      const output = `${folder}/run`;
      await runTraining(writeRun(folder), { output, set });
      const losses = records(output).filter(({ event }) => event === "update")
        .map(({ loss }) => loss as number);
      assertEquals(losses.length, 20);
      assert(losses.at(-1)! < losses[0]! / 2, `${losses}`);
    }),
  );

  Deno.test(
    `train() goes on bit for bit: 200 steps equal 120 and 80${way}`,
    withFolder(async (folder) => {
      const config = writeRun(folder);
      const [whole, parts] = [`${folder}/whole`, `${folder}/parts`];
      await runTraining(config, { output: whole, set });
      await runTraining(config, { output: parts, set, maxSteps: 120 });
      const { stderr } = await runTraining(config, { output: parts, set, resume: true });
      assertStringIncludes(stderr, "Going on from step 120.");
      const state = (output: string) => `${output}/checkpoints/step-00000200`;
      assertSameWeights(state(whole), state(parts));
    }),
  );
}

/** Runs that remember losses, from soon on. */
const REMEMBERING = {
  "learned timesteps": [
    "diffusion.timesteps=learned",
    "diffusion.left_to_right_share=none",
    "training.loss_groups=5",
    "training.schedule_every=3",
  ],
  "the loss-second-moment sampler": [
    "training.timestep_sampler=loss_second_moment",
    "training.loss_groups=4",
  ],
};

for (const [what, settings] of Object.entries(REMEMBERING)) {
  Deno.test(
    `train() goes on bit for bit with ${what}, whenever it is resumed`,
    withFolder(async (folder) => {
      const config = writeRun(folder);
      const [whole, parts, plain] = ["whole", "parts", "plain"].map((name) => `${folder}/${name}`);
      const set = [...settings, "training.steps=30", "validation.lines=0"];
      await runTraining(config, { output: whole!, set });
      for (const maxSteps of [1, 8, 9, 14, 30]) {
        await runTraining(config, { output: parts!, set, maxSteps, resume: true });
      }
      const state = (output: string) => `${output}/checkpoints/step-00000030`;
      assertSameWeights(state(whole!), state(parts!));
      const configOf = (output: string) => Deno.readTextFileSync(`${output}/model/config.json`);
      assertEquals(configOf(parts!), configOf(whole!));
      // It makes a difference.
      const unused = set.map((setting) =>
        setting.replace(/every=3/, "every=1000").replace("=loss_second_moment", "=uniform")
      );
      await runTraining(config, { output: plain!, set: unused });
      const weights = (output: string) =>
        toFloat32(
          readSafetensors(`${state(output)}/training.safetensors`).tensors.get("weights")!,
        );
      assert(weights(plain!).some((value, i) => value !== weights(whole!)[i]));
    }),
  );
}

Deno.test(
  "train() refuses draws by losses where a row has no one place, and more groups than timesteps",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const sampler = "training.timestep_sampler=loss_second_moment";
    for (
      const [set, message] of [
        [[sampler, "diffusion.anchor_distance=2"], "are drawn together; leave it out"],
        [
          [sampler, "diffusion.timesteps=independent", "diffusion.left_to_right_share=none"],
          "has no one timestep; leave it out",
        ],
        [["training.loss_groups=3000"], "diffusion.steps are only 2000; set fewer"],
      ] as const
    ) {
      await assertRejects(() => runTraining(config, { output, set }), UserError, message);
    }
  }),
);

Deno.test(
  "train() goes through the phases of a run, bit for bit whenever it is resumed",
  withFolder(async (folder) => {
    const config = writeRunInPhases(folder);
    const [whole, parts] = [`${folder}/whole`, `${folder}/parts`];
    const { stderr } = await runTraining(config, { output: whole });
    assertStringIncludes(stderr, "220 pairs, ");
    assertStringIncludes(stderr, "From step 31 on: training.accumulation = 2.\n");
    assertStringIncludes(stderr, "From step 51 on: 220 other pairs.\n");
    assertStringIncludes(stderr, "From step 111 on: 70 other pairs.\n");
    // At the ends of phases, within them, and one update after another.
    for (const maxSteps of [30, 51, 100, 110, 150, 170, 200]) {
      await runTraining(config, { output: parts, maxSteps, resume: true });
    }
    const state = (output: string) => `${output}/checkpoints/step-00000200`;
    assertSameWeights(state(whole), state(parts));
    const card = Deno.readTextFileSync(`${whole}/model/README.md`);
    assertStringIncludes(card, "train.tgt (updates 1 to 110)");
    assertStringIncludes(card, '| training.waiting_weight | {"0":0,"60":0.3} |');
  }),
);

Deno.test(
  "train() trains the chain head alone where a phase says so",
  withFolder(async (folder) => {
    const config = writeRunInPhases(folder);
    const output = `${folder}/run`;
    const weights = () => {
      const checkpoint = listCheckpoints(`${output}/checkpoints`).at(-1)!;
      return toFloat32(
        readSafetensors(`${checkpoint}/training.safetensors`).tensors.get("weights")!,
      );
    };
    const changed = async (maxSteps: number) => {
      const before = weights();
      await runTraining(config, { output, maxSteps, resume: true });
      return weights().filter((value, i) => value !== before[i]).length;
    };
    await runTraining(config, { output, maxSteps: 149 });
    assert(await changed(150) > 5000);
    const head = await changed(160);
    assert(head > 0 && head < 5000, `${head} weights changed`);
  }),
);

Deno.test(
  "train() takes a change of what is to come, says so, and refuses one of what was",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 10 });
    const resume = (...set: string[]) =>
      runTraining(config, { output, resume: true, maxSteps: 12, set });
    await assertRejects(
      () => resume("training.dropout={ 0 = 0.1, 9 = 0.2 }"),
      UserError,
      '"training.dropout" was 0.1 and is now {"0":0.1,"9":0.2}; set it back',
    );
    const { stderr } = await resume("training.dropout={ 0 = 0.1, 10 = 0.2 }", "training.steps=300");
    assertStringIncludes(
      stderr,
      'From update 11 on, "training.dropout" differs from then: it was 0.1 and is now ' +
        '{"0":0.1,"10":0.2}.',
    );
    assertStringIncludes(
      stderr,
      '"training.steps" was 200 and is now 300: the learning rate falls',
    );
  }),
);

Deno.test(
  "train() keeps the last checkpoints and the best",
  withFolder(async (folder) => {
    const output = `${folder}/run`;
    await runTraining(writeRun(folder), {
      output,
      set: ["checkpoints.every=20", "checkpoints.keep=3", "validation.every=40"],
    });
    const found = records(output).filter(({ event }) => event === "validation");
    const best = found.reduce((a, b) => (b["bleu"] as number) > (a["bleu"] as number) ? b : a);
    const expected = new Set([best["step"] as number, 160, 180, 200]);
    assertEquals(steps(output), [...expected].sort((a, b) => a - b));
  }),
);

Deno.test(
  "train() exports the best checkpoint where asked to",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const set = ["validation.every=20", "checkpoints.metric=loss", "checkpoints.export=best"];
    await runTraining(config, { output, maxSteps: 60, set });
    const values = (path: string) => toFloat32(loadModelFolder(path).tensors.get("lm_head.bias")!);
    const found = records(output).filter(({ event }) => event === "validation");
    const best = found.reduce((a, b) => (b["loss"] as number) < (a["loss"] as number) ? b : a);
    const checkpoint = `${output}/checkpoints/step-${String(best["step"]).padStart(8, "0")}`;
    const card = () => Deno.readTextFileSync(`${output}/model/README.md`);
    const figures = new RegExp(
      `At step ${best["step"]}: BLEU .*, loss ${(best["loss"] as number).toFixed(4)}\\.`,
    );
    assertEquals(values(`${output}/model`), values(checkpoint));
    assertMatch(card(), figures);
    // Another part of the run that does not get better: its card has the best's figures still.
    const record = `${listCheckpoints(`${output}/checkpoints`).at(-1)}/training.json`;
    const state = JSON.parse(Deno.readTextFileSync(record));
    state.best.value = -1;
    Deno.writeTextFileSync(record, JSON.stringify(state));
    Deno.removeSync(record.replace("training.json", "manifest.json"));
    await runTraining(config, { output, resume: true, maxSteps: 62, set });
    assertEquals(values(`${output}/model`), values(checkpoint));
    assertMatch(card(), figures);
    assertStringIncludes(card(), `The weights are those of update ${best["step"]}, the best.`);
  }),
);

Deno.test(
  "train() ends when validations have not become better for as long as its patience",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const patience = ["validation.every=4", "validation.patience=3", "training.learning_rate=0"];
    for (const metric of ["bleu", "chrf", "loss"]) {
      const output = `${folder}/${metric}`;
      const set = [...patience, `checkpoints.metric=${metric}`];
      const { stderr } = await runTraining(config, { output, set });
      // The average nears weights that stay as they are: it is the same from the start.
      assertMatch(
        stderr,
        /Stopped at step 16: no better .* in 3 validations; the best is .*, of step 4/,
      );
      assertEquals(steps(output), [4, 16]);
    }
    const [first] = records(`${folder}/chrf`).filter(({ event }) => event === "validation");
    assert(typeof first!["chrf"] === "number");
  }),
);

Deno.test(
  "train() refuses a patience that could never end the run",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    for (
      const [setting, message] of [
        ["validation.every=0", "it needs validation.every above 0"],
        ["validation.lines=0", 'it needs validation.lines above 0 for "bleu"'],
      ] as const
    ) {
      const set = ["validation.every=1", "validation.patience=2", setting];
      await assertRejects(
        () => runTraining(config, { output: `${folder}/run`, set }),
        UserError,
        `Cannot end a run by validation.patience = 2: ${message}`,
      );
    }
  }),
);

Deno.test(
  "train() says where there is nothing to resume, and what it leaves out",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const path = `${folder}/train.tgt`;
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/^.*\n/, "\n"));
    const output = `${folder}/run`;
    const { stderr } = await runTraining(config, { output, maxSteps: 1, resume: true });
    assertStringIncludes(stderr, `There is nothing to go on from in "${output}": starting anew.\n`);
    assertStringIncludes(stderr, "149 pairs, ");
    assertStringIncludes(stderr, "Pairs with an empty side, which are left out: 1.");
    const card = Deno.readTextFileSync(`${output}/model/README.md`);
    assertStringIncludes(card, "149 pairs (1 more with an empty side left out)");
  }),
);

Deno.test(
  "train() needs --resume where there are checkpoints",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 1 });
    const error = await assertRejects(() => runTraining(config, { output }), UserError);
    assertStringIncludes(error.message, "it holds checkpoints; add --resume");
    assertEquals(error.exitCode, ExitCode.usage);
  }),
);

Deno.test(
  "train() refuses to resume with other options, and names the one that changed",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 1 });
    const error = await assertRejects(
      () => runTraining(config, { output, resume: true, set: ["training.dropout=0.2"] }),
      UserError,
    );
    assertEquals(
      error.message,
      `Cannot resume from "${output}/checkpoints/step-00000001": "training.dropout" was 0.1 and ` +
        "is now 0.2; set it back or start anew with another --output",
    );
    assertEquals(steps(output), [1]);
  }),
);

Deno.test(
  "train() says of a damaged checkpoint what can be done, and goes on from the one before it",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const options = { output, resume: true, set: ["checkpoints.every=2"] };
    await runTraining(config, { ...options, maxSteps: 4 });
    const last = `${output}/checkpoints/step-00000004`;
    const damages: readonly [string, (path: string) => void, string][] = [
      ["training.safetensors", (path) => Deno.truncateSync(path, 1000), "the file is truncated"],
      ["training.safetensors", (path) => Deno.removeSync(path), "no such file"],
      ["model.safetensors", (path) => Deno.truncateSync(path, 5), "bytes"],
      ["training.json", (path) => Deno.truncateSync(path, 5), "JSON"],
      ["training.json", (path) => Deno.removeSync(path), "no such file"],
      ["training.json", (path) => Deno.writeTextFileSync(path, "{}"), "its format is nothing"],
      [
        "training.json",
        (path) => Deno.writeTextFileSync(path, '{"format": "ardiff-checkpoint-1", "step": 4}'),
        'missing key "skipped"',
      ],
      ...[-1, 1.5, 1e300, "4"].map((step): [string, (path: string) => void, string] => [
        "training.json",
        (path) => {
          const record = JSON.parse(Deno.readTextFileSync(path));
          Deno.writeTextFileSync(path, JSON.stringify({ ...record, step }));
        },
        `"step" is ${JSON.stringify(step)}, expected an integer`,
      ]),
    ];
    const manifest = `${last}/manifest.json`;
    const hashes = Deno.readFileSync(manifest);
    for (const [file, damage, flaw] of damages) {
      const path = `${last}/${file}`;
      const whole = Deno.readFileSync(path);
      damage(path);
      for (const expected of [/its hash differs|no such file/, new RegExp(RegExp.escape(flaw))]) {
        const error = await assertRejects(() => runTraining(config, options), UserError);
        assertEquals(error.exitCode, ExitCode.model);
        assertStringIncludes(error.message, path);
        assertMatch(error.message, expected);
        assertStringIncludes(error.message, `; remove "${last}" to use the one before it`);
        // Of checkpoints from before there were manifests, the files themselves are looked at.
        await Deno.remove(manifest).catch(() => {});
      }
      Deno.writeFileSync(path, whole);
      Deno.writeFileSync(manifest, hashes);
    }
    Deno.removeSync(last, { recursive: true });
    const { stderr } = await runTraining(config, { ...options, maxSteps: 4 });
    assertStringIncludes(stderr, "Going on from step 2.");
  }),
);

Deno.test(
  "train() refuses to resume on other data",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 1 });
    const path = `${folder}/train.src`;
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("dog", "cat"));
    await assertRejects(
      () => runTraining(config, { output, resume: true }),
      UserError,
      '"data.train" gives other pairs than then',
    );
  }),
);

Deno.test(
  "train() removes what a killed run has left unfinished, but not a model that was moved aside",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    const names = () => [...Deno.readDirSync(output)].map(({ name }) => name).sort();
    await runTraining(config, { output, maxSteps: 1 });
    const whole = names();
    Deno.mkdirSync(`${output}/model.tmp-1-0123abcd`);
    Deno.mkdirSync(`${output}/model.tmp-1-0123abcd-old`);
    Deno.writeTextFileSync(`${output}/log.jsonl.tmp-1-0123abcd`, "");
    Deno.mkdirSync(`${output}/checkpoints/step-00000002.tmp-1-0123abcd`);
    await runTraining(config, { output, maxSteps: 2, resume: true });
    assertEquals(names(), whole);
    assertEquals(steps(output).length, [...Deno.readDirSync(`${output}/checkpoints`)].length);
    Deno.renameSync(`${output}/model`, `${output}/model.tmp-1-a-old`);
    const set = ["training.dropout=0"];
    await assertRejects(() => runTraining(config, { output, resume: true, set }), UserError);
    loadModelFolder(`${output}/model.tmp-1-a-old`);
  }),
);

Deno.test(
  "train() takes over no folder with what a run writes but without a run's mark",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    for (const name of ["model", "checkpoints", "tensorboard"]) {
      Deno.mkdirSync(`${output}/${name}`, { recursive: true });
      Deno.writeTextFileSync(`${output}/${name}/config.json`, "mine");
      Deno.writeTextFileSync(`${output}/mine.tmp-1-0123abcd`, "mine");
      const error = await assertRejects(() => runTraining(config, { output }), UserError);
      assertEquals(error.exitCode, ExitCode.usage);
      assertStringIncludes(error.message, `it holds "${name}" and is not the folder of a run`);
      assertEquals(Deno.readTextFileSync(`${output}/${name}/config.json`), "mine");
      Deno.removeSync(`${output}/${name}`, { recursive: true });
    }
    // What a run does not write is not its business.
    await runTraining(config, { output, maxSteps: 1 });
    await runTraining(config, { output, maxSteps: 2, resume: true });
    assertEquals(Deno.readTextFileSync(`${output}/mine.tmp-1-0123abcd`), "mine");
    await assertRejects(() => runTraining(config, { output: "" }), UserError, 'train into ""');
  }),
);

Deno.test(
  "train() says before it starts that validation cannot take so many steps",
  withFolder(async (folder) => {
    const set = ["validation.steps=100000"];
    const error = await assertRejects(
      () => runTraining(writeRun(folder), { output: `${folder}/run`, set }),
      UserError,
    );
    assertEquals(error.exitCode, ExitCode.model);
    assertMatch(
      error.message,
      /^Cannot validate in validation.steps = 100000: .* has \d+ timesteps/,
    );
  }),
);

Deno.test(
  "train() keeps a second run out of a folder",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    Deno.mkdirSync(output);
    using other = Deno.openSync(`${output}/lock`, { create: true, write: true });
    other.lockSync(true);
    await assertRejects(
      () => runTraining(config, { output }),
      UserError,
      "another run is at work there",
    );
  }),
);

Deno.test(
  "train() stops at a loss that is not finite, names the batch and keeps what it had",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 3 });
    overflowWeights(`${output}/checkpoints/step-00000003/training.safetensors`);
    const error = await assertRejects(
      () => runTraining(config, { output, resume: true }),
      NonFiniteUpdate,
    );
    assertEquals(error.exitCode, ExitCode.diverged);
    assertStringIncludes(error.message, "Stopped at step 4: the loss of micro-batch 0 is ");
    assertStringIncludes(error.message, `${folder}/train.src lines `);
    assertEquals(steps(output), [3]);
  }),
);

Deno.test(
  "train() leaves out updates that are not finite where asked to",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 3 });
    overflowWeights(`${output}/checkpoints/step-00000003/training.safetensors`);
    const { stderr } = await runTraining(config, {
      output,
      resume: true,
      maxSteps: 5,
      set: ["training.non_finite=skip"],
    });
    assertStringIncludes(stderr, "Left out step 4: its gradients were not finite.");
    assertEquals(steps(output), [3, 5]);
  }),
);

Deno.test(
  "train() refuses options that do not go together before it reads the data",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const refusal = async (...set: string[]) => {
      const output = `${folder}/run`;
      const messages: string[] = [];
      const io = { stdout: () => {}, stderr: (text: string) => void messages.push(text) };
      const error = await assertRejects(
        () => train({ config, output, set }, { ...io, interactive: false }),
        UserError,
      );
      assertEquals([error.exitCode, messages], [ExitCode.model, []]);
      return error.message;
    };
    assertStringIncludes(
      await refusal("text.max_source_tokens=100"),
      '"text.max_source_tokens" is 100, but "network.max_positions" is only 12',
    );
    assertStringIncludes(await refusal("network.hidden_size=33"), '"network.hidden_size" is 33');
    assertEquals(
      await refusal("tokenizer.file=tokenizer.json", 'tokenizer.normalizers=["NFC"]'),
      'Cannot apply "tokenizer.normalizers" to "tokenizer.json": a given tokenizer has its own; ' +
        "leave out one of the two",
    );
    assertStringIncludes(
      await refusal(
        "network.shifted=true",
        "network.time_conditioning=none",
        "network.self_conditioning=false",
        "diffusion.anchor_distance=1",
      ),
      'with "network.shifted" every row visits every place; leave out ' +
        '"diffusion.left_to_right_share", or set it to none',
    );
    assertStringIncludes(
      await refusal(
        "network.shifted=true",
        "diffusion.anchor_distance=1",
        "diffusion.left_to_right_share=none",
      ),
      '"network.time_conditioning" is "txl", expected "none" with "network.shifted"',
    );
    assertStringIncludes(
      await refusal("network.shifted=true", "diffusion.left_to_right_share=none"),
      '"network.shifted" is true, but "diffusion.anchor_distance" is null, expected 1',
    );
    assertStringIncludes(
      await refusal("network.token_chain=8", "diffusion.left_to_right_share=none"),
      '"network.token_chain" is 8, but only "network.shifted" has a chain',
    );
    assertStringIncludes(
      await refusal("training.train_only=token_chain"),
      'Cannot train "token_chain" only: expected a network.token_chain above 0',
    );
  }),
);

Deno.test({
  name: "train() says where a CPU computes in float32 although bf16 was asked for",
  ignore: describeLibrary().instruction_set === "amx",
  fn: withFolder(async (folder) =>
    assertStringIncludes(
      await saidOfBf16(folder),
      "on cpu in f32 (bf16 takes AMX, which this CPU lacks).",
    )
  ),
});

Deno.test({
  name: "train() takes bf16 where the CPU has AMX",
  ignore: describeLibrary().instruction_set !== "amx",
  fn: withFolder(async (folder) =>
    assertStringIncludes(await saidOfBf16(folder), "on cpu in bf16.")
  ),
});

Deno.test(
  "train() exports what it has where its time is over before the first update",
  withFolder(async (folder) => {
    const output = `${folder}/run`;
    const { stdout, stderr } = await runTraining(writeRun(folder), { output, maxMinutes: 0 });
    assertEquals(stdout, `${output}/model\n`);
    assertEquals(steps(output), []);
    assertStringIncludes(stderr, "The time was over before the first update was made");
    loadModelFolder(`${output}/model`);
  }),
);

/** What a short run in bf16 says of itself. */
async function saidOfBf16(folder: string): Promise<string> {
  const options = { maxSteps: 1, dtype: "bf16", output: `${folder}/run` };
  return (await runTraining(writeRun(folder), options)).stderr;
}

Deno.test(
  "train() starts from a model's weights and tokenizer, where the network is the same",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const [first, second] = [`${folder}/first`, `${folder}/second`];
    await runTraining(config, { output: first, maxSteps: 100 });
    const startFrom = `training.start_from=${first}/model`;
    const still = ["training.learning_rate=0", "training.ema_decay=0"];
    await runTraining(config, { output: second, maxSteps: 1, set: [startFrom, ...still] });
    const weights = (output: string) =>
      toFloat32(
        loadModelFolder(`${output}/model`).tensors.get("transformer_blocks.0.attn1.to_q.weight")!,
      );
    assertEquals(weights(second), weights(first));
    const tokenizer = (output: string) => Deno.readTextFileSync(`${output}/model/tokenizer.json`);
    assertEquals(tokenizer(second), tokenizer(first));
    // The run goes on without the model, which is needed at the start only.
    Deno.renameSync(`${first}/model`, `${first}/moved`);
    const set = [startFrom, ...still];
    await runTraining(config, { output: second, maxSteps: 2, resume: true, set });
    Deno.renameSync(`${first}/moved`, `${first}/model`);

    const error = await assertRejects(
      () =>
        runTraining(config, {
          output: `${folder}/third`,
          set: [startFrom, "network.hidden_size=32"],
        }),
      UserError,
    );
    assertEquals(error.exitCode, ExitCode.model);
    assertStringIncludes(error.message, "network.hidden_size");
  }),
);
