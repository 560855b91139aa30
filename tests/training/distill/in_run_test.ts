/** Runs that distil a training set of theirs themselves. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { UserError } from "../../../src/errors.ts";
import { readTextFile } from "../../../src/host/files.ts";
import { parseTrainingConfig } from "../../../src/training/config.ts";
import { parseTrainingSets } from "../../../src/training/training_sets.ts";
import { withFolder } from "../../denoiser/test_files.ts";
import { assertSameWeights, runTraining, writeDistillingRun } from "../sample_run.ts";

const LAST = "checkpoints/step-00000200";

Deno.test(
  "a run distils a set and goes on with it; stopped there and resumed, bit for bit",
  withFolder(async (folder) => {
    const config = writeDistillingRun(folder);
    const [whole, parts] = [`${folder}/whole`, `${folder}/parts`];
    const { stderr } = await runTraining(config, { output: whole });
    assertStringIncludes(stderr, `Distilling 150 pairs into "${whole}/distilled-110.tsv".`);
    assertStringIncludes(stderr, "From step 111 on: 150 other pairs.");
    const lines = readTextFile(`${whole}/distilled-110.tsv`).trimEnd().split("\n");
    const raw = readTextFile(`${folder}/train.tgt`).trimEnd().split("\n");
    assertEquals(lines.length, 150);
    const changed = lines.filter((line, i) => line.split("\t")[1] !== raw[i]).length;
    assert(changed > 50, `${changed} targets are other than they were`);
    const manifest = JSON.parse(readTextFile(`${whole}/distilled-110.tsv.manifest.json`));
    assertEquals([manifest.candidates, manifest.references, manifest.pairs], [2, 0.2, 150]);
    assert(manifest.kept_references > 10 && manifest.kept_references < 60);

    // Up to where it would distil, then on, once with the file gone in between.
    const first = await runTraining(config, { output: parts, maxSteps: 110 });
    assert(!first.stderr.includes("Distilling"), first.stderr);
    await runTraining(config, { output: parts, maxSteps: 110, resume: true });
    await runTraining(config, { output: parts, maxSteps: 130, resume: true });
    await runTraining(config, { output: parts, resume: true });
    assertEquals(
      readTextFile(`${parts}/distilled-110.tsv`),
      readTextFile(`${whole}/distilled-110.tsv`),
    );
    assertSameWeights(`${parts}/${LAST}`, `${whole}/${LAST}`);

    const toml = readTextFile(config);
    const expectRefusal = () =>
      assertRejects(
        () => runTraining(config, { output: parts, resume: true }),
        UserError,
        `"${parts}/distilled-110.tsv", which the run wrote and trained on, is not there or was written`,
      );
    Deno.writeTextFileSync(config, toml.replace("candidates = 2", "candidates = 3"));
    await expectRefusal();
    Deno.writeTextFileSync(config, toml);
    Deno.removeSync(`${parts}/distilled-110.tsv`);
    await expectRefusal();
  }),
);

Deno.test(
  "a set that is due is written anew where options have changed since it was written",
  withFolder(async (folder) => {
    const config = writeDistillingRun(folder);
    const output = `${folder}/run`;
    const path = `${output}/distilled-110.tsv`;
    await runTraining(config, { output, maxSteps: 111 });
    const before = readTextFile(path);
    Deno.removeSync(`${output}/checkpoints/step-00000111`, { recursive: true });
    const again = await runTraining(config, { output, maxSteps: 111, resume: true });
    assert(!again.stderr.includes("Distilling"), again.stderr);
    Deno.removeSync(`${output}/checkpoints/step-00000111`, { recursive: true });
    const toml = readTextFile(config).replace("temperature = 2", "temperature = 4");
    Deno.writeTextFileSync(config, toml);
    const other = await runTraining(config, { output, maxSteps: 111, resume: true });
    assertStringIncludes(other.stderr, "Distilling 150 pairs");
    assert(readTextFile(path) !== before);
  }),
);

Deno.test(
  "a run whose time is over before it distils ends with the model it has, and can go on",
  withFolder(async (folder) => {
    const config = writeDistillingRun(folder);
    const output = `${folder}/run`;
    await runTraining(config, { output, maxSteps: 110 });
    const { stderr } = await runTraining(config, {
      output,
      resume: true,
      maxProcessorMinutes: 1e-9,
    });
    assert(!stderr.includes("Distilling"), stderr);
    const last = await runTraining(config, { output, resume: true, maxSteps: 112 });
    assertStringIncludes(last.stderr, "Distilling 150 pairs");
  }),
);

Deno.test("distill in [data.train] needs one set above it, and says what it takes", () => {
  const raw = { format: "tsv", file: "a.tsv" };
  for (
    const [sets, message] of [
      [[raw, { distill: {} }], "expected exactly one above it"],
      [[raw, raw, { from: 9, distill: {} }], "it is written after update 9, of the one set"],
      [[{ ...raw, until: 5 }, { ...raw, from: 5 }, { from: 9, distill: {} }], undefined],
      [
        [raw, { from: 9, distill: {} }, { ...raw, from: 4 }],
        "[data.train.2], which begins before it",
      ],
      [[raw, { ...raw, from: 9, distill: {} }], 'so "format" says nothing'],
      [[raw, { from: 9, distill: { keep: "best" } }], '"data.train.1.distill.keep" is "best"'],
      [
        [raw, { from: 9, distill: { candidate: 3 } }],
        'did you mean "data.train.1.distill.candidates"?',
      ],
      [[raw, { from: 9, distill: { beam: 3 } }], "a search of 3 beams has only so many texts"],
      [[raw, { from: 9, distill: { share: 0 } }], "expected a number from 0.001 to 1"],
    ] as const
  ) {
    const parse = () => parseTrainingSets(sets, 100);
    if (message === undefined) parse();
    else assertThrows(parse, UserError, message);
  }
});

Deno.test(
  "distill in [data.train] is refused where slots depend on all data, and beams without a search",
  withFolder((folder) => {
    const path = writeDistillingRun(folder);
    const parse = (...set: string[]) => parseTrainingConfig(readTextFile(path), path, set);
    parse();
    Deno.writeTextFileSync(path, readTextFile(path).replace("candidates = 2", "beam = 5"));
    parse();
    assertThrows(
      () => parse("network.shifted=false"),
      UserError,
      '"beam" in distill needs "network.shifted"',
    );
    assertThrows(
      () => parse("text.length=batch"),
      UserError,
      'a set that the run is to distil needs "fixed"',
    );
  }),
);
